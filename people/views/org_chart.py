"""The organization chart: who reports to whom, one level at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import Person
from people.models.person import PersonQuerySet, by_name_without_index
from people.operations.managers import chain_above
from people.presentation.page_links import BoundedPaginator, counted
from people.presentation.search_forms import PersonSearch
from people.views.page_context import page_context
from people.views.permissions import administrator_required

# How many people one level shows. The People page lists the others.
SHOWN = 100
FOUND = 20
PEOPLE = "admin:people_person_changelist"


@dataclass
class Node:
    """A person in the chart. With `children`, the node is open."""

    person: Person
    report_count: int
    children: Sequence["Node"] = field(default_factory=list)
    # The person whom the page is about.
    is_focus: bool = False

    @property
    def more(self) -> int:
        """Return how many reports are not among the children of an open node."""
        return self.report_count - len(self.children) if self.children else 0


@administrator_required
def org_chart(request: HttpRequest) -> HttpResponse:
    """Show the search results, or the people with no manager or a terminated manager."""
    form = PersonSearch(request.GET)
    search = form.value_of("q")
    if search:
        found = list(_people().matching(search).order_by(*BY_NAME)[: FOUND + 1])
        if len(found) == 1:
            return redirect("admin:org_chart_person", found[0].pk)
    else:
        found = []
    left = Person.objects.filter(state=Person.State.TERMINATED).managing()
    # A list, because in one query PostgreSQL would look up the manager of everybody.
    left_managers = list(left.values_list("pk", flat=True))
    top = _people().filter(Q(manager=None) | Q(manager__in=left_managers))
    managers = top.managing().order_by(*by_name_without_index())
    page = BoundedPaginator(managers, SHOWN).get_page(request.GET.get("page"))
    context = _context(request, "Organization chart", form) | {
        "search": search,
        "found": found[:FOUND],
        "found_more": len(found) > FOUND,
        "page": page,
        "nodes": _nodes(page),
        "alone": "" if search else counted(top.managing(somebody=False)),
    }
    return render(request, "people/org_chart/chart.html", context)


@administrator_required
def org_chart_person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Show the person with the managers above and the direct reports."""
    person = get_object_or_404(Person, pk=person_id)
    ids = chain_above(person.pk)
    by_id = Person.objects.select_related("department").in_bulk(ids)
    chain = [by_id[one] for one in ids]
    [node, *above] = _nodes(chain)
    node.children, node.is_focus = _nodes(_reports(person)[:SHOWN]), True
    # From the person upward: each manager becomes the parent of the node before.
    for parent in above:
        parent.children = [node]
        node = parent
    context = _context(request, person.full_name, PersonSearch()) | {
        "nodes": [node],
        # The manager of the one at the top, unless that is nobody.
        "is_circular": chain[-1].manager_id in ids,
    }
    return render(request, "people/org_chart/person.html", context)


@administrator_required
def org_chart_reports(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Return the direct reports as a part of a page; static/ramp.js inserts it."""
    person = get_object_or_404(Person, pk=person_id)
    [node] = _nodes([person])
    node.children = _nodes(_reports(person)[:SHOWN])
    return render(request, "people/org_chart/_reports.html", {"node": node})


BY_NAME = ("family_name", "given_name", "pk")


def _context(request: HttpRequest, title: str, form: PersonSearch) -> dict[str, object]:
    parent = ("People", reverse(PEOPLE))
    if title != "Organization chart":
        parent = ("Organization chart", reverse("admin:org_chart"))
    return page_context(request, title, parent=parent) | {
        "form": form,
        "chart_url": reverse("admin:org_chart"),
    }


def _people() -> PersonQuerySet:
    people: PersonQuerySet = Person.objects.in_lists().select_related("department")
    return people


def _reports(person: Person) -> PersonQuerySet:
    return _people().filter(manager=person).order_by(*BY_NAME)


def _nodes(people: Iterable[Person]) -> list[Node]:
    """Return closed nodes of these people, with one query for all numbers of reports."""
    shown = list(people)
    reports = Person.objects.in_lists().filter(manager__in=[one.pk for one in shown])
    counts = dict(reports.order_by().values_list("manager").annotate(Count("pk")))
    return [Node(person, counts.get(person.pk, 0)) for person in shown]
