"""Auto-termination: turn it on, off or change the days, with a list of affected people."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Event, ScheduledTermination
from people.operations.offboarding import auto_termination
from people.operations.offboarding.auto_termination import DEFAULT_DAYS, InvalidDays
from people.presentation.actor_names import actor_name
from people.presentation.page_links import counted
from people.views.permissions import PersonRequest, administrator_required
from scim.models import Connection
from scim.views.settings.auto_termination_preview import AutoTerminationPreview
from scim.views.settings.overview import context_of

MAX_CHANGES = 5


class DaysForm(forms.Form):
    days = forms.CharField(
        label="Days until termination",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="Periods of 24 hours, counted from the deactivation.",
        error_messages={"required": str(InvalidDays())},
    )

    def clean_days(self) -> int:
        try:
            return auto_termination.read_days(self.cleaned_data["days"])
        except InvalidDays as error:
            raise forms.ValidationError(str(error)) from error


@administrator_required
def offboarding(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    live = Connection.objects.select_related("tenant").filter(disconnected_at=None)
    connection = get_object_or_404(live, pk=connection_id)
    current = connection.tenant.auto_terminate_days
    asked = request.POST if request.method == "POST" else request.GET
    form = DaysForm(asked if "days" in asked else None, initial={"days": current or DEFAULT_DAYS})
    if request.method == "POST" and _save(request, connection, form):
        return redirect("admin:scim_settings", connection_id)
    days = form.cleaned_data["days"] if form.is_valid() else None
    preview = AutoTerminationPreview(days, timezone.now(), is_new=current is None) if days else None
    if preview and "csv" in request.GET:
        return preview.as_csv()
    context = context_of(request, connection, "Auto-termination") | {
        "form": form,
        "current": current,
        "days": days,
        **(_preview_context(request, preview) if preview else {}),
        "scheduled": counted(ScheduledTermination.objects.filter(exempted_at=None))
        if current
        else "",
        "changes": _changes(),
    }
    return render(request, "scim/settings/auto_termination.html", context)


def _preview_context(request: PersonRequest, preview: AutoTerminationPreview) -> dict[str, Any]:
    page, rows = preview.page(request.GET.get("page"))
    return {
        "forecast": auto_termination.forecast(preview.days, now=preview.now),
        "preview": preview,
        "page": page,
        "rows": rows,
        "seen": auto_termination.affected_fingerprint(),
    }


def _save(request: PersonRequest, connection: Connection, form: DaysForm) -> bool:
    """Save the change, and tell whether it was saved."""
    tenant, actor = connection.tenant, request.user.actor
    if "switch-off" in request.POST:
        auto_termination.set_auto_termination(tenant, None, actor=actor)
        messages.success(request, "Auto-termination is off. Inactive people stay inactive.")
        return True
    if not form.is_valid():
        return False
    # The affected people have changed since the administrator saw the list.
    if request.POST.get("seen", "") != auto_termination.affected_fingerprint():
        messages.warning(request, "Nothing was changed yet. Check the people below, then confirm.")
        return False
    days = form.cleaned_data["days"]
    auto_termination.set_auto_termination(tenant, days, actor=actor)
    messages.success(request, f"People deactivated via SCIM are terminated {_after(days)}.")
    return True


def _after(days: int) -> str:
    return "after 1 day" if days == 1 else f"after {days:,} days"


def _changes() -> list[dict[str, Any]]:
    events = Event.objects.filter(
        kind=Event.Kind.ORGANIZATION_CHANGED, person=None, facts__what="auto-termination"
    )
    changes = []
    for event in events.order_by("-pk")[:MAX_CHANGES]:
        days = event.changes["auto_terminate_days"]["to"]
        what = f"On, {_after(days)}" if days else "Off"
        changes.append({"what": what, "actor": actor_name(event.actor), "at": event.happened_at})
    return changes
