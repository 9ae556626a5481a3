"""The actions on a sync error: retry, link, invite anyway, dismiss."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget

from people.models import Event, Person, Role
from people.operations import ranks
from people.operations.connection_events import record_dismissed_error
from people.operations.invites import lifecycle
from people.presentation.event_text import Difference, entries_of
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from scim.jobs import retry as jobs_retry
from scim.models import SyncError
from scim.sync.resolutions import Action
from scim.views.team_updates.common import context_of
from scim.views.team_updates.sync_errors import listed_errors, rows_of, who


class DismissForm(forms.Form):
    because = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="Stored with the error and shown to your colleagues.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


@administrator_required
def retry(request: PersonRequest, error_id: int) -> HttpResponse:
    """Retry the request; preview the changes first if they may be unexpected."""
    error = _open_error(error_id)
    seen = error.person.changed_at.isoformat() if error.person else ""
    try:
        if request.method == "POST":
            # The person has changed since the administrator saw the page.
            if jobs_retry.has_changed_since(error) and request.POST.get("seen") != seen:
                return redirect("admin:sync_error_retry", error_id)
            return _retry(request, error)
        preview = jobs_retry.preview_retry(error, error.person_id, actor=request.user.actor)
    except PeopleError as refusal:
        return _refused(request, error, refusal)
    context = context_of(request, f"Retry for {who(error)}?", parent="team_updates_errors") | {
        "problem": error,
        "seen": seen,
        "has_changed": jobs_retry.has_changed_since(error),
        "refused_because": preview.result.refused_because,
        "changes": _differences(preview.changes),
    }
    return render(request, "scim/team_updates/retry.html", context)


@administrator_required
def link(request: PersonRequest, error_id: int) -> HttpResponse:
    """Link the person with the address to the provider; an elevated person needs a confirmation."""
    error = _open_error(error_id)
    [row] = rows_of([error])
    if row.resolution.action != Action.LINK:
        messages.error(request, "The person with this address can no longer be linked.")
        return redirect("admin:sync_error", error_id)
    ranks.check_rank_over(request.user.actor, row.holder)
    roles = _privileges(row.holder)
    try:
        if request.method == "POST":
            agreed = request.POST.get("holder"), request.POST.get("roles", "")
            # The address or the roles have changed since the administrator saw the page.
            if agreed != (str(row.holder.pk), roles):
                return redirect("admin:sync_error_link", error_id)
            return _retry(request, error, may_link=True)
        preview = jobs_retry.preview_retry(
            error, row.holder.pk, actor=request.user.actor, may_link=True
        )
    except PeopleError as refusal:
        return _refused(request, error, refusal)
    context = context_of(request, f"Link {row.holder.full_name}?", parent="team_updates_errors")
    context |= {
        "problem": error,
        "holder": row.holder,
        "roles": roles,
        "refused_because": preview.result.refused_because,
        "changes": _differences(preview.changes),
    }
    return render(request, "scim/team_updates/link.html", context)


@administrator_required
@require_POST
def invite_anyway(request: PersonRequest, error_id: int) -> HttpResponse:
    error, actor = _open_error(error_id), request.user.actor
    with transaction.atomic():
        is_mailed = error.connection.mails_invites
        if error.person and lifecycle.release_invite(
            error.person, actor=actor, is_mailed=is_mailed
        ):
            SyncError.objects.filter(pk=error.pk).dismiss(
                actor=actor, because="Invited anyway", is_invited_anyway=True
            )
            messages.success(request, f"The invite of {who(error)} is no longer on hold.")
        else:
            messages.warning(request, f"No invite of {who(error)} is on hold anymore.")
    return redirect("admin:team_updates_errors")


@administrator_required
def dismiss(request: PersonRequest, error_id: int) -> HttpResponse:
    error = _open_error(error_id)
    form = DismissForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        actor, because = request.user.actor, form.cleaned_data["because"]
        with transaction.atomic():
            # Another administrator may have dismissed it meanwhile.
            if SyncError.objects.filter(pk=error.pk).dismiss(actor=actor, because=because):
                what = f"{error.get_reason_display()} of {who(error)}, from {error.connection}"
                record_dismissed_error(what, error.person, actor=actor, reason=because)
        messages.success(request, f"The error of {who(error)} was dismissed.")
        return redirect("admin:team_updates_errors")
    title = f"Dismiss the error of {who(error)}?"
    context = context_of(request, title, parent="team_updates_errors")
    return render(
        request, "scim/team_updates/dismiss.html", context | {"problem": error, "form": form}
    )


def _open_error(error_id: int) -> SyncError:
    error: SyncError = get_object_or_404(listed_errors().open(), pk=error_id)
    return error


def _retry(request: PersonRequest, error: SyncError, *, may_link: bool = False) -> HttpResponse:
    """Retry, and add a message about the result."""
    result = jobs_retry.retry(error, actor=request.user.actor, may_link=may_link)
    if result.refused_because:
        messages.error(request, f"Refused again: {result.refused_because}")
        return redirect("admin:sync_error", error.pk)
    error = listed_errors().get(pk=error.pk)
    if not error.resolved_at:
        messages.error(request, f"The request was retried, but the error remains: {error.message}")
        return redirect("admin:sync_error", error.pk)
    messages.success(request, f"Resolved: {who(error)} now matches {error.connection}.")
    return redirect("admin:team_updates_errors")


def _refused(request: PersonRequest, error: SyncError, refusal: PeopleError) -> HttpResponse:
    messages.error(request, str(refusal))
    return redirect("admin:sync_error", error.pk)


def _privileges(holder: Person) -> str:
    """Return the elevated roles of the person, which require a confirmation."""
    elevated = Role.objects.filter(grants__person=holder, is_elevated=True).order_by("name")
    base = [holder.get_role_display()] if holder.is_administrator else []
    return ", ".join([*base, *dict.fromkeys(elevated.values_list("name", flat=True))])


def _differences(changes: dict[str, Any]) -> list[Difference]:
    """Return the changes in the words of the timeline."""
    event = Event(kind=Event.Kind.PERSON_REVISED, actor="job:retry", changes=changes)
    return entries_of([event])[0].differences
