"""What the search finds in people: persons, the effects of requests, and pages."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from people import hooks
from people.models import Event, Mail, Person, Tenant
from people.models.person import PersonQuerySet
from people.presentation.search import (
    SHOWN_A_SECTION,
    ListedPage,
    SearchQuery,
    SearchResult,
    Section,
    matching_pages,
)

PAGES = (
    ListedPage("Overview", "admin:overview", "dashboard start needs attention checklist setup"),
    ListedPage("People", "admin:people_person_changelist", "employees members users staff export"),
    ListedPage("Invite person", "admin:people_person_add", "add new hire onboarding create user"),
    ListedPage("Compare with a list", "admin:compare", "import csv spreadsheet hr file upload"),
    ListedPage("Organization chart", "admin:org_chart", "org managers reports hierarchy tree"),
    ListedPage("Saved views", "admin:saved_views", "people filters columns"),
    ListedPage("Departments", "admin:people_department_changelist", "teams organization"),
    ListedPage("Locations", "admin:people_location_changelist", "offices places sites"),
    ListedPage("Entities", "admin:people_entity_changelist", "legal subsidiaries currency"),
    ListedPage("Roles", "admin:people_role_changelist", "custom permissions access rights"),
    ListedPage(
        "Scheduled terminations",
        "admin:scheduled_terminations",
        "departures offboarding leavers leaving auto-termination",
    ),
    ListedPage("Terminated people", "admin:terminated", "offboarding left handover record"),
    ListedPage("Audit log", "admin:audit_log", "history events who did what export trail"),
    ListedPage("Bulk changes", "admin:bulk_changes", "mass undo restore deactivated alerts"),
    ListedPage(
        "Access diagnosis",
        "admin:why",
        "why cannot sign in troubleshoot missing somebody isn't here",
    ),
    ListedPage("Cards and funds", "admin:spend", "budgets"),
    ListedPage("Cards", "admin:people_card_changelist", "spend credit limits"),
    ListedPage("Funds", "admin:people_fund_changelist", "spend budgets"),
    ListedPage("Workflows", "admin:people_workflow_changelist", "spend approvals approvers"),
    ListedPage(
        "Reimbursements, bills and transactions",
        "admin:people_outstandingitem_changelist",
        "spend outstanding items expenses invoices",
    ),
    ListedPage("My profile", "admin:home", "home"),
    ListedPage(
        "Account",
        "admin:account",
        "second factor two-factor mfa totp authenticator recovery codes sessions devices sign out",
    ),
    ListedPage(
        "Preferences",
        "admin:account_preferences",
        "account time zone phone number email digest notifications unsubscribe",
    ),
    ListedPage(
        "Out of office",
        "admin:account_away",
        "away vacation holiday leave delegate approvals substitute",
    ),
    ListedPage(
        "API tokens", "admin:api_tokens", "keys bearer developer programs", Section.SETTINGS
    ),
    ListedPage("API reference", "api_reference", "rest openapi swagger developer programs"),
    ListedPage(
        "Webhooks", "admin:webhooks", "events endpoints push outbound developer", Section.SETTINGS
    ),
    ListedPage(
        "Signal streams",
        "admin:signal_streams",
        "shared signals ssf caep risc security events set revoke sessions transmitter",
        Section.SETTINGS,
    ),
    ListedPage(
        "Alert thresholds", "admin:alarm_settings", "bulk changes mass alarm", Section.SETTINGS
    ),
    ListedPage("Invite settings", "admin:invite_settings", "invitation expiry", Section.SETTINGS),
)
PAGES_FOR_OPERATORS = (
    ListedPage("Tenants", "admin:people_tenant_changelist", "companies customers organizations"),
    ListedPage("Add tenant", "admin:people_tenant_add", "new create company customer"),
    ListedPage("My profile", "admin:home", "home"),
    ListedPage(
        "Account",
        "admin:account",
        "second factor two-factor mfa totp authenticator recovery codes sessions devices sign out",
    ),
    ListedPage(
        "Preferences",
        "admin:account_preferences",
        "account time zone phone number email digest notifications unsubscribe",
    ),
)
ORDER = ("family_name", "given_name", "pk")
# A common word matches nearly everybody, and nobody looks for all of them here.
READ_AT_MOST = 200


def results(query: SearchQuery) -> Iterator[SearchResult]:
    yield from _people(query)
    yield from _requests(query)
    yield from matching_pages(query, PAGES)


def results_for_operators(query: SearchQuery) -> Iterator[SearchResult]:
    """Yield tenants and pages, but nobody of a tenant."""
    text = query.text
    matching = Q(name__icontains=text) | Q(slug__icontains=text) | Q(domain__icontains=text)
    tenants = Tenant.objects.filter(matching, is_sandbox=False).order_by("name", "pk")
    for tenant in tenants[:SHOWN_A_SECTION]:
        url = hooks.url_of(hooks.Page.TENANT_SETTINGS, tenant.slug)
        listed = reverse("admin:people_tenant_changelist")
        yield SearchResult(Section.TENANTS, tenant.name, url or listed, tenant.slug)
    yield from matching_pages(query, PAGES_FOR_OPERATORS)


def _people(query: SearchQuery) -> Iterator[SearchResult]:
    exact: list[Person] = []
    # An index finds the person with this address or id.
    if "@" in query.text:
        exact = list(Person.objects.having_address(query.text)[:1])
    elif query.request_ids and query.request_ids[0] == query.request_ids[1]:
        exact = list(Person.objects.filter(pk=query.request_ids[0]))
    if exact:
        yield from (person_result(person, is_exact=True) for person in exact)
        return
    matching = Person.objects.matching(query.text)
    found = _first(matching.in_lists(), SHOWN_A_SECTION)
    if len(found) < SHOWN_A_SECTION:
        # Lists hide terminated people, but somebody may look for the record of a leaver.
        left = matching.filter(state=Person.State.TERMINATED)
        found += _first(left, SHOWN_A_SECTION - len(found))
    yield from map(person_result, found)


def _first(matching: PersonQuerySet, count: int) -> list[Person]:
    """Return the first people by name, of the first READ_AT_MOST that match.

    If the query itself were ordered, PostgreSQL would read people by name until enough match:
    all of them, if the name is rare. The subquery uses the trigram index instead.
    """
    some = matching.order_by().values("pk")[:READ_AT_MOST]
    return list(Person.objects.filter(pk__in=some).order_by(*ORDER)[:count])


def person_result(person: Person, *, is_exact: bool = False, detail: str = "") -> SearchResult:
    return SearchResult(
        Section.PEOPLE,
        person.display_name,
        reverse("admin:people_person_change", args=[person.pk]),
        detail or person.email,
        is_exact,
    )


def _requests(query: SearchQuery) -> Iterator[SearchResult]:
    """Yield the page views and jobs with this id that changed something or sent mail."""
    if query.request_ids is None:
        return
    ids: set[UUID] = set()
    models: tuple[Any, ...] = (Event, Mail)
    for model in models:
        rows = model.objects.filter(request_id__range=query.request_ids).order_by("request_id")
        ids.update(rows.values_list("request_id", flat=True).distinct()[:SHOWN_A_SECTION])
    for request_id in sorted(ids)[:SHOWN_A_SECTION]:
        # The app of the request yields it with what was requested.
        if not hooks.request_url(request_id):
            yield SearchResult(
                Section.REQUESTS,
                f"Request {request_id}",
                reverse("admin:request", args=[request_id]),
                "Changes made on a page or by a background job",
                is_exact=True,
            )
