"""What the search finds in SCIM: connections, groups, requests, users by their ids, and pages."""

from collections.abc import Iterator, Sequence

from django.urls import reverse

from people.presentation.search import (
    SHOWN_A_SECTION,
    ListedPage,
    SearchQuery,
    SearchResult,
    Section,
    matching_pages,
)
from people.presentation.times import day_text
from people.search import person_result
from scim.connections.presets import PRESETS
from scim.models import Connection, RequestLog, ScimGroup, ScimUser
from scim.views.settings.overview import MAX_CONNECTIONS

PAGES = (
    ListedPage("Integrations", "admin:integrations", "scim connect identity providers catalog"),
    ListedPage("Team updates", "admin:team_updates", "pending invites resend revoke bounced"),
    ListedPage(
        "Inactive users",
        "admin:team_updates_inactive",
        "team updates deactivated departures offboarding",
    ),
    ListedPage("Sync errors", "admin:team_updates_errors", "team updates problems failed refused"),
    ListedPage("To review", "admin:team_updates_review", "team updates same person withheld roles"),
    ListedPage("Group members", "admin:team_updates_members", "team updates waiting"),
    ListedPage(
        "SCIM settings",
        "admin:scim",
        "connection provisioning token tokens base url policies sync",
        Section.SETTINGS,
    ),
)
# The pages of one connection, which is also named in the results.
SETTINGS = tuple(
    ListedPage(title, f"admin:{name}", synonyms, Section.SETTINGS)
    for title, name, synonyms in (
        ("SCIM tokens", "scim_tokens", "bearer credentials rotate"),
        ("Attribute mapping", "scim_mapping", "custom fields"),
        ("Groups and roles", "scim_groups", "group mappings"),
        ("Request log", "scim_requests", "requests history"),
        ("Self-test", "scim_self_test", "check test suite"),
        ("Dry run", "scim_what_if", "what if preview simulate"),
        ("Auto-termination", "scim_offboarding", "offboarding departures leavers days"),
        ("Certification", "scim_certification", "spec test suite"),
        ("Disconnect", "scim_disconnect", "remove delete end"),
    )
)


def results(query: SearchQuery) -> Iterator[SearchResult]:
    connections = list(Connection.objects.order_by("-created_at", "pk")[:MAX_CONNECTIONS])
    current = [one for one in connections if not one.disconnected_at]
    yield from _users(query, current)
    yield from _groups(query, current)
    for connection in connections:
        if query.matches(str(connection), "SCIM connection"):
            if connection.disconnected_at:
                stage = "Disconnected"
            else:
                stage = "SCIM connection" if connection.activated_at else "Not activated yet"
            url = reverse("admin:scim_settings", args=[connection.pk])
            yield SearchResult(Section.CONNECTIONS, str(connection), url, stage)
    yield from _requests(query)
    yield from matching_pages(query, PAGES)
    connected = {connection.provider for connection in current}
    for provider, preset in PRESETS.items():
        title = f"Connect {preset.guide.title}"
        if provider not in connected and query.matches(title, "SCIM provisioning set up"):
            url = reverse("admin:integration", args=[provider])
            yield SearchResult(Section.PAGES, title, url, "Integrations")
    for connection in current:
        yield from matching_pages(
            query,
            SETTINGS,
            url_of=lambda page, key=connection.pk: reverse(page.url_name, args=[key]),  # type: ignore[misc]
            detail=str(connection),
        )


def _users(query: SearchQuery, connections: Sequence[Connection]) -> Iterator[SearchResult]:
    """Yield people by the exact userName or externalId, which often is the employee number."""
    users = ScimUser.objects.filter(connection__in=connections, deleted_at=None)
    users = users.filter(person__isnull=False).select_related("person", "connection")
    for name, found in (
        ("userName", users.filter(user_name_key=query.key)),
        ("externalId", users.filter(scim_external_id=query.text)),
    ):
        for user in found[:SHOWN_A_SECTION]:
            if user.person:
                detail = f"{user.person.email} · {name} {query.text} at {user.connection}"
                yield person_result(user.person, is_exact=True, detail=detail)


def _groups(query: SearchQuery, connections: Sequence[Connection]) -> Iterator[SearchResult]:
    groups = ScimGroup.objects.filter(
        connection__in=connections, deleted_at=None, display_name_key__contains=query.key
    )
    found = groups.select_related("connection").order_by("display_name_key", "pk")
    for group in found[:SHOWN_A_SECTION]:
        url = reverse("admin:scim_group", args=[group.connection_id, group.pk])
        yield SearchResult(Section.GROUPS, str(group), url, f"Group at {group.connection}")


def _requests(query: SearchQuery) -> Iterator[SearchResult]:
    if query.request_ids is None:
        return
    logs = RequestLog.objects.filter(pk__range=query.request_ids).select_related("connection")
    for log in logs.order_by("pk")[:SHOWN_A_SECTION]:
        yield SearchResult(
            Section.REQUESTS,
            f"Request {log.pk}",
            reverse("admin:scim_request", args=[log.connection_id, log.pk]),
            f"{log.connection}: {log.method} {log.path}, answered {log.status}, "
            f"{day_text(log.received_at)}",
            is_exact=True,
        )
