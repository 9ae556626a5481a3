"""The end of every sign-in: with a session, or with the reason for the refusal."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from people import tenancy
from people.models import Invite, Person, Tenant
from people.session_backend import HAS_SECOND_FACTOR
from people.views.page_context import page_context
from people.views.session_limits import limit_session
from provisioning.claims import Claims
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.passwords import second_factor
from provisioning.passwords.known_devices import remember
from provisioning.passwords.lockout import account_of
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import SignInContext, sign_in
from provisioning.sign_in.sign_in_page import settings_of
from provisioning.views.sign_in import pending
from provisioning.views.sign_in.fresh import refuse_unless_fresh
from provisioning.views.sign_in.reauthentication import confirm_by_claims, is_confirming
from provisioning.views.sign_in.sign_in_test import finish_test, is_testing

BACKEND: Final = "people.session_backend.SessionBackend"
# Session keys that are used until the person is signed in.
NEXT, INVITE, LINKING = "sign_in_next", "sign_in_invite", "sign_in_linking"
# The provider of the session, to sign out there too.
CAME_THROUGH: Final = "came_through"


def finish_sign_in(
    request: HttpRequest,
    provider: IdentityProvider,
    claims: Claims,
    *,
    authenticated_at: float | None = None,
    **kept: Any,
) -> HttpResponse:
    """Sign in the person that the provider identified, or show why not.

    `kept` is stored in the new session, for example to sign out at the provider later. A person who
    only confirms their identity keeps their session.
    """
    if is_testing(request, provider):
        return finish_test(request, provider, claims)
    if is_confirming(request, provider):
        return confirm_by_claims(request, provider, claims, authenticated_at)
    try:
        attempt = sign_in(provider, claims, _asking(request, provider))
    except SignInRefused as refusal:
        return sign_in_refused(request, provider.tenant, str(refusal))
    assert attempt.person
    came_through = {"provider": str(provider.pk), **kept}
    if provider.kind == IdentityProvider.Kind.LDAP:
        return after_password(request, attempt.person, attempt, came_through=came_through)
    # OpenID and Windows providers decide themselves whether a second factor is needed.
    return log_in(
        request,
        attempt.person,
        came_through=came_through,
        has_second_factor=True,
        authenticated_at=authenticated_at,
    )


def after_password(
    request: HttpRequest,
    person: Person,
    attempt: SignInAttempt | None = None,
    *,
    came_through: dict[str, Any] | None = None,
) -> HttpResponse:
    """Sign in the person whose password was correct, or ask for their second factor first.

    :param attempt: the line of the provider log that says that they have signed in, if there is
        one. It is corrected if they have not.
    """
    has_one = request.user == person and request.session.get(HAS_SECOND_FACTOR, False)
    with tenancy.use(person.tenant_id):
        if has_one or not second_factor.is_asked_for(person):
            return log_in(request, person, came_through=came_through, has_second_factor=has_one)
        if attempt and attempt.outcome == Outcome.SIGNED_IN:
            attempt.outcome = Outcome.PASSWORD_ACCEPTED
            attempt.save(update_fields=["outcome"])
    pending.begin(request, person, came_through)
    return redirect("admin:sign_in_second_factor")


def log_in(
    request: HttpRequest,
    person: Person,
    *,
    came_through: dict[str, Any] | None = None,
    has_second_factor: bool,
    authenticated_at: float | None = None,
) -> HttpResponse:
    """Start the person's session with a new key, and redirect to the page they wanted.

    If a provider has asked for a fresh sign-in and this is another one, show why.

    :param authenticated_at: when the provider last asked for credentials, if it says so.
    """
    provider_id = (came_through or {}).get("provider", "")
    if refused := refuse_unless_fresh(request, person, provider_id, authenticated_at):
        return refused
    # Before the login, which discards the session of another person.
    next_url = request.session.pop(NEXT, "")
    with tenancy.use(person.tenant_id):
        auth.login(request, person, backend=BACKEND)
        limits = settings_of(person.tenant)
    request.session[HAS_SECOND_FACTOR] = has_second_factor
    # The session ends when the company or the provider wants that, whichever is first.
    by_company = timezone.now() + timedelta(hours=limits.session_hours)
    ends = [by_company.timestamp()] if limits.session_hours else []
    session_expiry = (came_through or {}).get("session_expiry")
    if session_expiry is not None:
        ends.append(session_expiry)
    limit_session(request, ends_at=min(ends, default=None), idle_seconds=limits.idle_minutes * 60)
    for left in (INVITE, LINKING):
        request.session.pop(left, None)
    if came_through:
        request.session[CAME_THROUGH] = came_through
    with tenancy.across_tenants():
        account = account_of(person.email)
    response = redirect(destination(request, person, next_url))
    remember(request, response, [account])
    return response


def sign_in_refused(
    request: HttpRequest, tenant: Tenant, message: str, *, status: int = 403
) -> HttpResponse:
    """Show why the sign-in failed, with a link to the sign-in page."""
    context = page_context(request, "Sign-in failed") | {
        "message": message,
        "tenant": tenant,
    }
    return render(request, "provisioning/sign_in/link_refused.html", context, status=status)


def remember_next(request: HttpRequest) -> None:
    """Remember the page that the visitor wanted, if it is a page of Ramp."""
    next_url = request.GET.get("next", "")
    if _is_ours(request, next_url):
        request.session[NEXT] = next_url


def remember_invite(request: HttpRequest, invite: Invite) -> None:
    """Have the next sign-in through a provider accept this invite."""
    request.session[INVITE] = str(invite.pk)


def link_next_sign_in(request: HttpRequest, provider: IdentityProvider) -> None:
    """Link the next sign-in through the provider to the signed-in person."""
    request.session[LINKING] = str(provider.pk)


def destination(request: HttpRequest, person: Person, next_url: str) -> str:
    """Return the page that they requested, if it is a page of Ramp that they may see."""
    if (
        next_url
        and _is_ours(request, next_url)
        and (person.is_staff or next_url.startswith(("/home/", "/account/")))
    ):
        return next_url
    return "admin:index" if person.is_staff else "admin:home"


def _is_ours(request: HttpRequest, next_url: str) -> bool:
    # A path alone. A browser may drop U+FFFD, with which `ReadableTextMiddleware` replaces NUL.
    if not next_url.startswith("/") or "\0" in next_url or "\N{REPLACEMENT CHARACTER}" in next_url:
        return False
    return url_has_allowed_host_and_scheme(
        next_url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def _asking(request: HttpRequest, provider: IdentityProvider) -> SignInContext:
    visitor = request.user
    if isinstance(visitor, Person) and request.session.get(LINKING) == str(provider.pk):
        return SignInContext(person=visitor if visitor.tenant_id == provider.tenant_id else None)
    if visitor.is_authenticated or INVITE not in request.session:
        return SignInContext()
    with tenancy.use(provider.tenant_id):
        invites = Invite.objects.select_related("person__tenant")
        return SignInContext(invite=invites.filter(pk=UUID(request.session[INVITE])).first())
