"""The review before activation: who will be linked, who is new, who exists only here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from people.models import Person
from people.models.field_table import LABELS, PROFILE
from people.operations.roles import base_roles
from people.presentation.page_links import BoundedPaginator, counted
from people.values import normalize_key
from scim.jobs import match_report
from scim.jobs.invite_forecast import waiting_invites
from scim.jobs.match_report import MatchReport
from scim.jobs.matcher import Choice, MatchOutcome, MatchResult
from scim.models import Connection, MatchDecision, ScimUser
from scim.sync.attribute_mapping import MappedUser, profile_of
from scim.views.setup.common import SearchForm, context_of
from scim.views.setup.steps import with_setup_connection

ROWS_A_PAGE = 50
MATCHED = (MatchOutcome.LINKED, MatchOutcome.ASKED, MatchOutcome.LEFT)
TABS = {
    "linked": "To be linked",
    "created": "To be created",
    "here": "Only in Ramp",
    "blocked": "Cannot be provisioned",
}
OUTCOMES = {
    "linked": MATCHED,
    "created": (MatchOutcome.CREATED,),
    "blocked": (MatchOutcome.BLOCKED,),
}


@dataclass(frozen=True)
class Difference:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Row:
    """A resource with its data, the matching person and the planned result."""

    user: ScimUser
    mapped: MappedUser
    result: MatchResult
    person: Person | None
    is_privileged: bool

    @property
    def name(self) -> str:
        profile = self.mapped.profile
        return f"{profile.given_name} {profile.family_name}".strip() or self.user.scim_username

    @property
    def differences(self) -> list[Difference]:
        """Return the changes that linking would make to the person."""
        if self.person is None:
            return []
        old, new = self.person.profile, self.mapped.profile
        return [
            Difference(LABELS[name], getattr(old, name), getattr(new, name))
            for name in PROFILE
            if name != "role" and getattr(new, name) and getattr(old, name) != getattr(new, name)
        ]


@with_setup_connection
@require_safe
def review(request: HttpRequest, connection: Connection) -> HttpResponse:
    shown = request.GET.get("show", "")
    shown = shown if shown in TABS else "linked"
    form = SearchForm(request.GET)
    words = form.words
    report = match_report.report(connection)
    here = match_report.only_in_ramp(connection)
    if shown == "here":
        page, rows = _page_of_people(request, connection, here, words)
    else:
        page, rows = _page_of_resources(request, connection, report.of(*OUTCOMES[shown]), words)
    context = context_of(
        request,
        connection.provider,
        "setup_review",
        connection=connection,
        shown=shown,
        form=form,
        words=words,
        tabs=_tabs(report, here, shown),
        page=page,
        rows=rows,
        asked_count=report.count(MatchOutcome.ASKED),
        waiting_invites=waiting_invites(connection, report),
        received_count=len(report.results),
    )
    return render(request, "scim/setup/review.html", context)


def _tabs(report: MatchReport, here: QuerySet[Person], shown: str) -> list[dict[str, Any]]:
    counts = {name: f"{report.count(*outcomes):,}" for name, outcomes in OUTCOMES.items()}
    counts["here"] = counted(here)
    return [
        {"name": name, "title": title, "count": counts[name], "is_chosen": name == shown}
        for name, title in TABS.items()
    ]


def _page_of_resources(
    request: HttpRequest, connection: Connection, results: Sequence[MatchResult], words: str
) -> tuple[Page[MatchResult], list[Row]]:
    if words:
        # Filter the resources whose userName or email contains all words.
        users = ScimUser.objects.known_to(connection)
        for word in normalize_key(words).split():
            users = users.filter(Q(user_name_key__contains=word) | Q(email_key__contains=word))
        found = set(users.values_list("pk", flat=True))
        results = [result for result in results if result.user_id in found]
    page = Paginator(results, ROWS_A_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    resources = ScimUser.objects.in_bulk([result.user_id for result in shown])
    people = Person.objects.select_related("department", "location")
    people = people.annotate(holds_elevated=base_roles.holds_elevated())
    persons = people.in_bulk([result.person_id for result in shown if result.person_id])
    rows = []
    for result in shown:
        user = resources[result.user_id]
        person = persons.get(result.person_id) if result.person_id else None
        mapped = profile_of(user.document, connection.mapping)
        is_privileged = person is not None and _is_privileged(person)
        rows.append(Row(user, mapped, result, person, is_privileged))
    return page, rows


def _is_privileged(person: Any) -> bool:
    return bool(person.is_administrator or person.holds_elevated)


def _page_of_people(
    request: HttpRequest, connection: Connection, here: QuerySet[Any], words: str
) -> tuple[Page[Any], list[Any]]:
    people = here.select_related("department", "location").matching(words)  # type: ignore[attr-defined]
    people = people.annotate(holds_elevated=base_roles.holds_elevated())
    people = people.order_by("family_name", "given_name", "pk")
    page = BoundedPaginator(people, ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    choices = MatchDecision.objects.filter(connection=connection, person__in=rows)
    leaving = set(choices.filter(choice=Choice.DEACTIVATE).values_list("person_id", flat=True))
    for person in rows:
        person.is_leaving = person.pk in leaving
        person.is_privileged = _is_privileged(person)
    return page, rows
