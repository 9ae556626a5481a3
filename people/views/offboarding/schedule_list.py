"""The list of scheduled terminations: who, when, and what blocks them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from people import hooks
from people.models import BulkChangeItem, Event, Person, ScheduledTermination
from people.operations.offboarding.blockers import blocked_people
from people.operations.offboarding.job import JOB
from people.presentation.page_links import BoundedPaginator
from people.presentation.search_forms import PersonSearch, choice
from people.views.offboarding.handover_summary import handover_summaries
from people.views.offboarding.schedule_status import days_in_force, termination_statuses
from people.views.page_context import page_context
from people.views.permissions import administrator_required

ROWS_A_PAGE = 50
# How far ahead administrators are told about terminations.
SOON = timedelta(days=7)
SHOWN = {
    "due": "Overdue",
    "blocked": "Blocked",
    "blocked-soon": "Blocked, due within 7 days",
    "paused": "Paused by a bulk change",
    "failed": "Failed",
    "exempt": "Exempt",
}


class ScheduledTerminationSearch(PersonSearch):
    show = choice("Show", SHOWN.items(), otherwise="Everybody")


@administrator_required
def scheduled_terminations(request: HttpRequest) -> HttpResponse:
    form = ScheduledTerminationSearch(request.GET)
    is_on = days_in_force() is not None
    page = BoundedPaginator(_found(form, is_on=is_on), ROWS_A_PAGE).get_page(
        request.GET.get("page")
    )
    terminated = Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED, actor=str(JOB))
    context = page_context(
        request,
        "Scheduled terminations",
        parent=("People", reverse("admin:people_person_changelist")),
    ) | {
        "tabs": termination_tabs("scheduled_terminations"),
        "form": form,
        "page": page,
        "rows": _rows(page),
        "is_on": is_on,
        "connection_settings_url": hooks.url_of(hooks.Page.CONNECTION_SETTINGS),
        "is_searched": form.is_used,
        "is_all_done": not page.object_list and not form.is_used and terminated.exists(),
    }
    return render(request, "people/offboarding/schedule_list.html", context)


def termination_tabs(shown: str) -> list[dict[str, Any]]:
    """Return the tabs; `shown` is the name of the page that is shown."""
    titles = {"scheduled_terminations": "Scheduled", "terminated": "Terminated"}
    return [
        {"title": title, "url": reverse(f"admin:{name}"), "is_here": name == shown}
        for name, title in titles.items()
    ]


def _found(form: ScheduledTerminationSearch, *, is_on: bool) -> QuerySet[ScheduledTermination]:
    found: QuerySet[ScheduledTermination] = ScheduledTermination.objects.select_related(
        "person__manager"
    )
    found = found.order_by("due_at", "pk")
    # Rows with a decision of an administrator are kept while auto-termination is off, but nobody is
    # due by them.
    if not is_on:
        return found.none()
    match form.value_of("show"):
        case "due":
            found = found.filter(due_at__lte=timezone.now(), exempted_at=None)
        case "blocked":
            found = found.filter(exempted_at=None, person__in=blocked_people())
        case "blocked-soon":
            found = found.filter(pk__in=blocked_soon().values("pk"))
        case "paused":
            paused = BulkChangeItem.objects.pausing().values("person")
            found = found.filter(exempted_at=None, person__in=paused)
        case "failed":
            found = found.filter(pk__in=failed_terminations().values("pk"))
        case "exempt":
            found = found.filter(exempted_at__isnull=False)
    text = form.value_of("q")
    return found.filter(person__in=Person.objects.matching(text)) if text else found


def due_soon() -> QuerySet[ScheduledTermination]:
    """Return the terminations that are overdue or due within the next days."""
    found: QuerySet[ScheduledTermination] = ScheduledTermination.objects.due(timezone.now() + SOON)
    return found


def blocked_soon() -> QuerySet[ScheduledTermination]:
    return due_soon().filter(person__in=blocked_people())


def failed_terminations() -> QuerySet[ScheduledTermination]:
    """Return those whose last attempt failed."""
    found: QuerySet[ScheduledTermination] = ScheduledTermination.objects.exclude(problem="")
    return found


def _rows(page: Iterable[ScheduledTermination]) -> list[dict[str, Any]]:
    shown = list(page)
    statuses = termination_statuses([one.person for one in shown])
    summaries = handover_summaries(shown)
    return [
        {
            "person": one.person,
            "termination": statuses[one.person_id],
            "outcome": summaries[one.person_id],
        }
        for one in shown
    ]
