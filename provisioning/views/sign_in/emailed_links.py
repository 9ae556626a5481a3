"""Shared code of the pages behind emailed links.

The pages do not leak the link, and explain what to do if it does not work.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from people.models import Person, Tenant
from people.operations import email_changes, passwords, person_fields
from people.operations.invites import acceptance
from people.values import PeopleError
from people.views.page_context import page_context
from provisioning.passwords.login import check_can_sign_in
from provisioning.sign_in.errors import SignInRefused

View = Callable[[HttpRequest, str], HttpResponse]

HEADINGS = {
    acceptance.InviteUsed: "You already joined",
    acceptance.InviteRevoked: "This invite was revoked",
    acceptance.InviteExpired: "This invite has expired",
    person_fields.DuplicateEmail: "Email address already in use",
    passwords.ResetOutOfDate: "This link has expired",
    email_changes.NothingToConfirm: "This link has expired",
}


def no_referrer(view: View) -> View:
    """Serve the page so that its URL, which is a secret, does not leak."""

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def served(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        # With “no-referrer”, browsers would post “Origin: null”, which the CSRF check refuses.
        response["Referrer-Policy"] = "strict-origin"
        # Otherwise Django logs the URL of error responses, which is the secret.
        response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
        return response

    return served


def check_person(person: Person) -> None:
    """Check that the person may sign in; a terminated person gets the message of the link instead.

    :raises SignInRefused: if they may not, or their company is suspended.
    """
    if person.state != Person.State.TERMINATED or not person.tenant.is_active:
        check_can_sign_in(person)


def no_such_link(request: HttpRequest) -> HttpResponse:
    """Answer an invalid link without revealing anything else."""
    message = (
        "Open the link from the email again, or copy all of it. Email programs sometimes split a "
        "link. If it still does not work, ask your administrator for a new link."
    )
    return _page(request, "This link does not work", message, status=404)


def refusal(
    request: HttpRequest, error: SignInRefused | PeopleError, tenant: Tenant
) -> HttpResponse:
    """Answer a valid link that can no longer be used, and say what to do instead."""
    if isinstance(error, SignInRefused):
        return _page(request, "Sign-in failed", str(error), status=403)
    is_taken = isinstance(error, person_fields.DuplicateEmail)
    heading = HEADINGS.get(type(error), "This does not work")
    return _page(request, heading, str(error), status=409 if is_taken else 410, tenant=tenant)


def _page(
    request: HttpRequest, heading: str, message: str, *, status: int, tenant: Tenant | None = None
) -> HttpResponse:
    context = page_context(request, heading) | {
        "message": message,
        "tenant": tenant,
    }
    return render(request, "provisioning/sign_in/link_refused.html", context, status=status)
