"""A provisioned member: provider, groups, roles and status."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import Person, Role, Tenant
from people.operations import people
from people.operations.ranks import refusal_over
from people.presentation.actor_names import actor_name, people_names
from people.presentation.page_links import counted
from people.values import PeopleError
from people.views.permissions import PersonRequest
from people.views.person.roles import (
    BaseRoleForm,
    GrantForm,
    change_base_role_from_form,
    grant_from_form,
    role_lines,
    withdraw_from_form,
)
from provisioning.models import Identity, SignInAttempt
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

ATTEMPTS_SHOWN = 20
GROUPS_SHOWN = 100


class StatusForm(forms.Form):
    """The status of a member: active or inactive."""

    status = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[
            ("active", "Active: can sign in and spend"),
            ("inactive", "Inactive: cannot sign in or spend. Nothing else changes."),
        ],
        error_messages={"required": "Choose Active or Inactive."},
    )


@tenant_admin_required
def provisioned_member(request: PersonRequest, tenant: Tenant, identity_id: int) -> HttpResponse:
    identities = Identity.objects.select_related("person__tenant", "provider")
    identity = get_object_or_404(identities, pk=identity_id)
    if request.method == "POST":
        # Handle the button that was pressed.
        if "withdraw" in request.POST and request.POST["withdraw"].isdecimal():
            withdraw_from_form(request, identity.person.pk, int(request.POST["withdraw"]))
        elif "base_role" in request.POST:
            change_base_role_from_form(request, identity.person)
        elif "grant" in request.POST:
            grant_from_form(request, identity.person)
        else:
            _save_status(request, identity.person)
        return redirect("admin:provisioned_member", tenant.slug, identity_id)
    person = identity.person
    title = person.display_name
    context = tenant_context(request, tenant, "provisioned_members", title) | {
        "here": request.path,
        "identity": identity,
        "person": person,
        "refusal": refusal_over(request.user, person),
        "status_form": StatusForm(initial={"status": "active" if person.is_active else "inactive"}),
        "deactivated_by": actor_name(person.deactivated_by, people_names([person.deactivated_by])),
        "ledger": list(role_lines(person, counted(person.reports.in_lists()))),
        "base_role_form": BaseRoleForm(viewer=request.user, person=person),
        "grant_form": GrantForm() if Role.objects.exists() else None,
        **_groups(identity),
        **_attempts(person),
    }
    return render(request, "provisioning/tenant/member.html", context)


def _save_status(request: PersonRequest, person: Person) -> None:
    form = StatusForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose Active or Inactive.")
        return
    status, name, actor = form.cleaned_data["status"], person.full_name, request.user.actor
    try:
        if status == "active":
            has_changed = people.reactivate_person(person, actor=actor)
            message = f"{name} can sign in and spend again."
        else:
            has_changed = people.deactivate_person(person, actor=actor)
            message = f"{name} can no longer sign in or spend. All their sessions have ended."
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, message if has_changed else f"{name} is already {status}.")


def _groups(identity: Identity) -> dict[str, Any]:
    groups = identity.groups.order_by("name", "pk")
    return {
        "groups": list(groups[:GROUPS_SHOWN]),
        "group_count": counted(groups),
        # The last sign-in did not say, so these are from an earlier one.
        "is_older": identity.groups_seen_at is not None
        and (identity.last_seen_at - identity.groups_seen_at).total_seconds() > 1,
        "mappings_link": (
            f"{reverse('admin:mappings', args=[identity.person.tenant.slug])}"
            f"?provider={identity.provider_id}"
        ),
    }


def _attempts(person: Person) -> dict[str, Any]:
    attempts = SignInAttempt.objects.filter(person=person).select_related("provider")
    # One row more shows whether there are more.
    page = list(attempts.order_by("-pk")[: ATTEMPTS_SHOWN + 1])
    return {"attempts": page[:ATTEMPTS_SHOWN], "has_more_attempts": len(page) > ATTEMPTS_SHOWN}
