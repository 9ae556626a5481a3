"""Accepting an invite, by the link in its mail."""

from typing import Any

from django import forms
from django.contrib import admin, auth, messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget

from people import operations, tenancy
from people.invitations import invite_named_by
from people.letters import inviter
from people.links import ForgedLink
from people.models import Invite, Person
from people.values import PeopleError
from provisioning.pages.links import check_person, discreet, no_such_link, refusal
from provisioning.pages.signing_in import BACKEND
from provisioning.refusals import SignInRefused


def _password(label: str, **options: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, max_length=1000, widget=widget, **options)


class PasswordForm(forms.Form):
    password = _password(
        "Choose a password", help_text="At least 8 characters, and not one that many people use."
    )
    again = _password("The same password again")

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password", again):
            raise ValidationError("The two passwords differ. Type the same one twice.")
        return again


@discreet
@sensitive_post_parameters("password", "again")
def accept_invite(request: HttpRequest, token: str) -> HttpResponse:
    """Greet whoever was invited, and let them in when they say so; to look changes nothing."""
    try:
        invite = _invite(token)
    except (ForgedLink, Invite.DoesNotExist):
        return no_such_link(request)
    with tenancy.use(invite.tenant_id):
        try:
            check_person(invite.person)
            operations.check_invite(invite)
            return _accept(request, invite)
        except (SignInRefused, PeopleError) as error:
            return refusal(request, error, invite.person.tenant)


def _invite(token: str) -> Invite:
    with tenancy.across_tenants():
        people = ("person__tenant__owner", "person__manager")
        invite: Invite = Invite.objects.select_related(*people).get(pk=invite_named_by(token))
    return invite


def _accept(request: HttpRequest, invite: Invite) -> HttpResponse:
    person = invite.person
    if request.user.is_authenticated:
        # Whoever is in already is somebody else: the invited have not joined.
        return _page(request, invite, "provisioning/sign_out_first.html", status=403)
    if not person.tenant.allows_passwords:
        return _page(request, invite, "provisioning/sign_in_instead.html")
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, invite, "provisioning/accept_invite.html", form=form)
    _join(request, invite, form.cleaned_data["password"])
    return redirect("admin:index" if person.is_staff else "admin:home")


def _join(request: HttpRequest, invite: Invite, password: str) -> None:
    person: Person = invite.person
    operations.accept_invite(invite, actor=person.actor, password=password)
    # Gives the session a new key, so that one planted before is worth nothing.
    auth.login(request, person, backend=BACKEND)
    messages.success(request, f"Welcome to {person.tenant.name}, {person.given_name}.")


def _page(
    request: HttpRequest, invite: Invite, template: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    person = invite.person
    context = admin.site.each_context(request) | {
        "title": f"Join {person.tenant.name}",
        "person": person,
        "tenant": person.tenant,
        "inviter": inviter(person),
        **more,
    }
    return render(request, template, context, status=status)
