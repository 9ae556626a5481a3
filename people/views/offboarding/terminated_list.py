"""The list of terminated people, with the date, the actor and the handover."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from people.models import Event, Person
from people.presentation import handover_history
from people.presentation.actor_names import actor_name, people_names
from people.presentation.page_links import BoundedPaginator
from people.presentation.search_forms import PersonSearch
from people.views.offboarding.schedule_list import ROWS_A_PAGE, termination_tabs
from people.views.page_context import page_context
from people.views.permissions import administrator_required


@administrator_required
def terminated(request: HttpRequest) -> HttpResponse:
    form = PersonSearch(request.GET)
    found = Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED, person__isnull=False)
    if text := form.value_of("q"):
        found = found.filter(person__in=Person.objects.matching(text))
    found = found.select_related("person").order_by("-happened_at", "-pk")
    page = BoundedPaginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = page_context(
        request,
        "Terminated people",
        parent=("People", reverse("admin:people_person_changelist")),
    ) | {
        "tabs": termination_tabs("terminated"),
        "form": form,
        "page": page,
        "rows": _rows(page),
        "is_searched": form.is_used,
    }
    return render(request, "people/offboarding/terminated_list.html", context)


def _rows(page: Iterable[Event]) -> list[dict[str, Any]]:
    events = list(page)
    mentioned = {pk for event in events for pk in handover_history.mentioned_people(event)}
    successors = Person.objects.filter(pk__in=mentioned) if mentioned else []
    names = {str(one.pk): one.full_name for one in successors}
    actors = people_names({event.actor for event in events})
    return [
        {
            "person": event.person,
            "at": event.happened_at,
            "actor": actor_name(event.actor, actors),
            "handover": handover_history.describe(event, names) or "Nothing to hand over",
        }
        for event in events
    ]
