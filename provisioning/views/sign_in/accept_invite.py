"""Accepting an invite, by the link in its mail."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from people import tenancy
from people.mail.invite_links import invite_id_from
from people.mail.messages import inviter
from people.mail.signed_links import ForgedLink
from people.models import Invite
from people.operations.invites import acceptance
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.password_form import PasswordForm
from provisioning.models import IdentityProvider
from provisioning.passwords.login import password_counts
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.sign_in.emailed_links import (
    check_person,
    no_referrer,
    no_such_link,
    refusal,
)
from provisioning.views.sign_in.finish import after_password, remember_invite


@no_referrer
@sensitive_post_parameters("password", "again")
def accept_invite(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invite, and sign the person in when they accept; GET changes nothing."""
    try:
        with tenancy.across_tenants():
            people = ("person__tenant__owner", "person__manager")
            invite: Invite = Invite.objects.select_related(*people).get(pk=invite_id_from(token))
    except (ForgedLink, Invite.DoesNotExist):
        return no_such_link(request)
    with tenancy.use(invite.tenant_id):
        try:
            check_person(invite.person)
            acceptance.check_invite(invite)
            return _accept(request, invite)
        except (SignInRefused, PeopleError) as error:
            return refusal(request, error, invite.person.tenant)


def _accept(request: HttpRequest, invite: Invite) -> HttpResponse:
    person = invite.person
    if request.user.is_authenticated:
        # A signed-in visitor is another person: the invited person has not joined yet.
        return _page(request, invite, "provisioning/sign_in/sign_out_first.html", status=403)
    ways = list(IdentityProvider.objects.offered())
    if "provider" in request.POST:
        # Let the invited person join through the provider that they chose.
        chosen = [provider for provider in ways if str(provider.pk) == request.POST["provider"]]
        if not chosen:
            return _page(request, invite, "provisioning/sign_in/sign_in_instead.html", ways=ways)
        remember_invite(request, invite)
        return redirect("admin:sign_in_with", invite.person.tenant.slug, chosen[0].pk)
    if not password_counts(person):
        return _page(request, invite, "provisioning/sign_in/sign_in_instead.html", ways=ways)
    form = PasswordForm(person, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(
            request, invite, "provisioning/sign_in/accept_invite.html", form=form, ways=ways
        )
    acceptance.accept_invite(invite, actor=person.actor, password=form.cleaned_data["password"])
    messages.success(request, f"Welcome to {person.tenant.name}, {person.given_name}.")
    return after_password(request, person)


def _page(
    request: HttpRequest, invite: Invite, template: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    person = invite.person
    context = page_context(request, f"Join {person.tenant.name}") | {
        "person": person,
        "tenant": person.tenant,
        "inviter": inviter(person),
        **more,
    }
    return render(request, template, context, status=status)
