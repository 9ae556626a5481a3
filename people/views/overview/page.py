"""The overview: the first page of an administrator."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from people import hooks
from people.models import Person, Tenant
from people.operations.tenants import show_setup_checklist
from people.presentation.attention import attention
from people.presentation.page_links import counted
from people.views.offboarding.schedule_list import due_soon
from people.views.offboarding.schedule_status import termination_statuses
from people.views.overview.charts import month_charts
from people.views.overview.checklist import checklist_of
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

DEPARTURES_SHOWN = 5


@administrator_required
def overview(request: PersonRequest) -> HttpResponse:
    now = timezone.now()
    tenant = request.user.tenant
    people = reverse("admin:people_person_changelist")
    context = page_context(request, "Overview") | {
        # The list names the alerts, so the banner would repeat them.
        "alerts": [],
        "attention": attention(tenant),
        "checklist": checklist_of(tenant),
        "services": list(hooks.services(tenant)),
        "integrations_url": hooks.url_of(hooks.Page.INTEGRATIONS),
        "numbers": [
            {
                "title": state.label,
                "count": counted(Person.objects.filter(state=state)),
                "url": f"{people}?state={state}",
            }
            for state in (Person.State.ACTIVE, Person.State.INVITED, Person.State.INACTIVE)
        ],
        "charts": month_charts(now),
        **_departures(tenant, now),
    }
    return render(request, "people/overview/overview.html", context)


@require_POST
@administrator_required
def setup_checklist(request: PersonRequest) -> HttpResponse:
    """Show or hide the setup checklist for all administrators of the company."""
    is_shown = request.POST.get("shown") == "yes"
    if show_setup_checklist(request.user.tenant, is_shown=is_shown, actor=request.user.actor):
        state = "shown again" if is_shown else "hidden"
        messages.success(request, f"The setup checklist is {state}.")
    return redirect("admin:overview")


def _departures(tenant: Tenant, now: datetime) -> dict[str, Any]:
    """Return the next terminations; nobody is due while auto-termination is off."""
    if tenant.auto_terminate_days is None:
        return {"departures": None}
    soon = due_soon()
    shown = [one.person for one in soon.select_related("person")[:DEPARTURES_SHOWN]]
    statuses = termination_statuses(shown, now)
    return {
        "departures": [statuses[person.pk] for person in shown],
        "departure_count": counted(soon),
    }
