"""The roles of a person with their sources, and the forms that change them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Min
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from people import hooks
from people.models import Event, Grant, Person, Role
from people.operations import locks, people_update
from people.operations.roles import base_roles
from people.presentation.actor_names import actor_name, people_names
from people.values import VIA_SCIM, PeopleError, normalize_key
from people.views.forms import LATER_ROLES
from people.views.permissions import PersonRequest, administrator_required
from people.views.role_choices import offer_roles


@dataclass(frozen=True)
class Line:
    """A role from one source."""

    role: str
    because: str
    since: datetime | None
    # When the source last confirmed it; None for sources that do not.
    confirmed_at: datetime | None = None
    is_elevated: bool = False
    # Set if an administrator can withdraw it: only the source withdraws mapped roles.
    grant: Grant | None = None


class GrantForm(forms.Form):
    role: forms.ModelChoiceField[Role] = forms.ModelChoiceField(
        None,
        label="Grant a role",
        empty_label="Choose a role",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        # Not at import time, when no tenant is in force.
        self.fields["role"].queryset = Role.objects.order_by("name")  # type: ignore[attr-defined]


class BaseRoleForm(forms.Form):
    base_role = forms.ChoiceField(label="Base role", widget=UnfoldAdminSelectWidget)

    def __init__(self, data: Any = None, *, viewer: Person, person: Person) -> None:
        super().__init__(data, initial={"base_role": person.role})
        # An existing person cannot become a Guest.
        roles = [one for one in Person.Role if one in (person.role, *LATER_ROLES)]
        choices = [(one.value, one) for one in roles]
        offer_roles(self.fields["base_role"], choices, viewer=viewer, kept=person.role)
        if owner := _manager_of_role(person):
            self.fields[
                "base_role"
            ].help_text = f"Managed by {owner}. A change made here is overwritten within 5 minutes."


def role_lines(person: Person, report_count: str) -> Iterator[Line]:
    """Yield the base role, then Manager if the person has reports, then the granted roles."""
    grants = list(Grant.objects.filter(person=person).select_related("role"))
    names = people_names({person.role_source, *(grant.source for grant in grants)})
    yield _base(person, names)
    # Manager is not stored: people have it while somebody reports to them.
    if report_count != "0":
        who = "person reports" if report_count == "1" else "people report"
        because = f"because {report_count} {who} to {person.given_name}"
        assigned = Event.objects.filter(
            person__in=person.reports.in_lists(), changes__manager__to=str(person.pk)
        )
        since: datetime | None = assigned.aggregate(since=Min("happened_at"))["since"]
        yield Line("Manager", because, since)
    for grant in sorted(grants, key=lambda grant: (normalize_key(grant.role_name), grant.since)):
        # The base role itself comes first already.
        if grant.role or grant.source != person.role_source:
            yield _granted(grant, names)


def _granted(grant: Grant, names: dict[str, str]) -> Line:
    because = grant.because or actor_name(grant.source, names)
    if grant.is_mapped:
        because = f"from {because}"
    elif grant.role:
        because = f"granted by {because}"
    else:
        because = f"granted by {because} and kept"
    return Line(
        role=grant.role_name,
        because=because,
        since=grant.since,
        confirmed_at=grant.confirmed_at if grant.confirmed_at > grant.since else None,
        is_elevated=grant.role is not None and grant.role.is_elevated,
        grant=grant if grant.role and _is_manual(grant) else None,
    )


def _base(person: Person, names: dict[str, str]) -> Line:
    mapped = Grant.objects.filter(person=person, source=person.role_source, role=None).first()
    if mapped and mapped.is_mapped:
        return Line(
            role=person.get_role_display(),
            because=f"from {mapped.because}",
            since=person.role_assigned_at,
            confirmed_at=mapped.confirmed_at,
        )
    source = actor_name(person.role_source, names)
    # A person who was added by a connection that sent no role is a Cardholder by default.
    is_named = not person.role_source.startswith(VIA_SCIM) or "role" in person.managed_fields
    if not is_named:
        because = f"default ({source} sent no role)"
    elif person.role_source.startswith("command:"):
        because = "set up by an operator"
    else:
        because = f"from {source}"
    return Line(
        role=person.get_role_display(),
        because=because,
        since=person.role_assigned_at,
        confirmed_at=hooks.role_confirmed_at(person) if is_named else None,
    )


def _is_manual(grant: Grant) -> bool:
    return grant.source.startswith(("person:", "command:"))


@require_POST
@administrator_required
def grant_role(request: PersonRequest, person_id: UUID) -> HttpResponse:
    grant_from_form(request, get_object_or_404(Person, pk=person_id))
    return redirect("admin:people_person_change", person_id)


@require_POST
@administrator_required
def withdraw_role(request: PersonRequest, person_id: UUID, grant_id: int) -> HttpResponse:
    withdraw_from_form(request, person_id, grant_id)
    return redirect("admin:people_person_change", person_id)


def grant_from_form(request: PersonRequest, person: Person) -> None:
    """Grant the role that the form names, and show a message with the result."""
    form = GrantForm(request.POST)
    if person.state == Person.State.TERMINATED:
        messages.error(request, f"{person.full_name} was terminated and cannot get roles.")
    elif not form.is_valid():
        messages.error(request, "Choose a custom role.")
    else:
        role = form.cleaned_data["role"]
        if base_roles.grant_role(person, role, actor=request.user.actor):
            messages.success(request, f"{person.full_name} now has the role {role}.")
        else:
            messages.info(request, f"You already granted {person.full_name} the role {role}.")


def change_base_role_from_form(request: PersonRequest, person: Person) -> None:
    """Give the person the base role that the form names, and show a message with the result."""
    form = BaseRoleForm(request.POST, viewer=request.user, person=person)
    if person.state == Person.State.TERMINATED:
        messages.error(request, f"{person.full_name} was terminated and cannot get roles.")
        return
    if not form.is_valid():
        messages.error(request, "Choose a base role.")
        return
    try:
        with transaction.atomic():
            locks.lock(person)
            # A pending address stays pending only if it is in the profile.
            email = person.pending_email or person.email
            role = form.cleaned_data["base_role"]
            profile = replace(person.profile, email=email, role=role)
            has_changed = people_update.revise_person(person, profile, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
        return
    if not has_changed:
        messages.info(
            request, f"{person.full_name} already has the role {person.get_role_display()}."
        )
        return
    messages.success(
        request, f"{person.full_name} now has the base role {person.get_role_display()}."
    )
    if owner := _manager_of_role(person):
        messages.warning(
            request, f"{owner} manages the role. This change will be overwritten within 5 minutes."
        )


def _manager_of_role(person: Person) -> str:
    """Return the name of the connection that manages the base role; blank if none does."""
    mark = person.managed_fields.get("role")
    return actor_name(mark["by"]) if mark else ""


def withdraw_from_form(request: PersonRequest, person_id: UUID, grant_id: int) -> None:
    """Withdraw a manual grant, and show a message with the result."""
    grants = Grant.objects.select_related("person", "role").filter(person=person_id)
    grant = get_object_or_404(grants, pk=grant_id, role__isnull=False)
    if _is_manual(grant):
        base_roles.withdraw_grant(grant, actor=request.user.actor)
        messages.success(
            request, f"{grant.person.full_name} no longer has this grant of the role {grant.role}."
        )
    else:
        source = grant.because or actor_name(grant.source)
        messages.error(request, f"The role {grant.role} comes from {source}. Remove it there.")
