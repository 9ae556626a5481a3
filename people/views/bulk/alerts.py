"""The alerts on every administrator's page, and the form for their thresholds."""

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from people.models import BulkChange, BulkChangeItem
from people.operations.bulk.alerts import MAX_PEOPLE, set_alert_thresholds
from people.presentation.actor_names import actor_name
from people.presentation.page_links import counted
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required, is_tenant_admin


@dataclass(frozen=True)
class Alert:
    """A bulk change that an administrator has to confirm or undo."""

    id: UUID
    text: str


def alerts_for(request: HttpRequest) -> list[Alert]:
    """Return the alerts for the visitor. They are loaded only once per request."""
    if not hasattr(request, "alerts"):
        request.alerts = undecided_alerts() if is_tenant_admin(request.user) else []  # type: ignore[attr-defined]
    found: list[Alert] = request.alerts  # type: ignore[attr-defined]
    return found


def undecided_alerts() -> list[Alert]:
    """Return the alerts of the tenant in force, the oldest first."""
    alerts = []
    for change in BulkChange.objects.undecided().order_by("began_at"):
        people = counted(change.items.filter(outcome=BulkChangeItem.Outcome.CHANGED))
        text = (
            f"{actor_name(change.actor)} deactivated {people} people within an hour. "
            "None of them is terminated before you decide."
        )
        alerts.append(Alert(change.pk, text))
    return alerts


class AlertThresholdsForm(forms.Form):
    people = forms.IntegerField(
        label="People within an hour",
        min_value=1,
        max_value=MAX_PEOPLE,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    percent = forms.IntegerField(
        label="Percent of the connection's people within an hour",
        min_value=1,
        max_value=100,
        help_text="The larger of these two thresholds applies.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    minute_people = forms.IntegerField(
        label="People within a minute",
        min_value=1,
        max_value=MAX_PEOPLE,
        help_text="Applies regardless of the size of the connection.",
        widget=UnfoldAdminIntegerFieldWidget,
    )


@administrator_required
def alert_thresholds(request: PersonRequest) -> HttpResponse:
    tenant = request.user.tenant
    initial = {
        "people": tenant.alarm_people,
        "percent": tenant.alarm_percent,
        "minute_people": tenant.alarm_minute_people,
    }
    form = AlertThresholdsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        set_alert_thresholds(tenant, **form.cleaned_data, actor=request.user.actor)
        messages.success(request, "The alert thresholds were saved.")
        return redirect("admin:alarm_settings")
    changes = reverse("admin:bulk_changes")
    context = page_context(request, "Alert thresholds", parent=("Bulk changes", changes)) | {
        "form": form,
        "submit": "Save",
        "cancel": changes,
    }
    return render(request, "people/bulk/alert_settings.html", context)
