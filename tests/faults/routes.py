"""Addresses made from the URLconf, with the rows of a company in their parameters."""

import re
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.urls import URLResolver, get_resolver

from tests.faults.cast import Company

# Which table a parameter names: the first row whose first text is part of the route.
TABLES: Final = (
    ("departments/", "object_id", "people_department"),
    ("locations/", "object_id", "people_location"),
    ("entities/", "object_id", "people_entity"),
    ("roles/", "object_id", "people_role"),
    ("cards/", "object_id", "people_card"),
    ("funds/", "object_id", "people_fund"),
    ("workflows/", "object_id", "people_workflow"),
    ("outstanding-items/", "object_id", "people_outstandingitem"),
    ("people/", "object_id", "people_person"),
    ("cards/", "instrument_id", "people_card"),
    ("funds/", "instrument_id", "people_fund"),
    ("", "card_id", "people_card"),
    ("", "fund_id", "people_fund"),
    ("", "person_id", "people_person"),
    ("", "invite_id", "people_invite"),
    ("", "change_id", "people_bulkchange"),
    ("", "view_id", "people_savedview"),
    ("", "grant_id", "people_grant"),
    ("", "field_id", "people_customfield"),
    ("api-tokens/", "token_id", "people_apitoken"),
    ("scim/", "token_id", "scim_token"),
    ("webhooks/", "endpoint_id", "people_webhookendpoint"),
    ("webhooks/", "delivery_id", "people_webhookdelivery"),
    ("signal-streams/", "delivery_id", "people_webhookdelivery"),
    ("", "stream_id", "people_signalstream"),
    ("", "connection_id", "scim_connection"),
    ("", "error_id", "scim_syncerror"),
    ("", "group_id", "scim_scimgroup"),
    ("", "request_id", "scim_requestlog"),
    ("groups/mappings/", "mapping_id", "scim_groupmapping"),
    ("", "mapping_id", "provisioning_groupmapping"),
    ("", "provider_id", "provisioning_identityprovider"),
    ("", "identity_id", "provisioning_identity"),
    ("", "uuid", "scim_scimuser"),
)
# Parameters that name no row.
WORDS: Final = {"slug": "okta", "preset": "okta", "provider": "okta", "token": "0" * 32}
NOBODY: Final = str(UUID(int=7, version=4))
PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Yield every route of the URLconf, without static files."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif "jsi18n" not in route:
            yield _without_regex(route)


def address(route: str, company: Company, rows: Company | None = None) -> str:
    """Return the route as an address at the company, by default about rows of its own."""
    return _filled(route, company.slug, (rows or company).objects)


def absent(route: str, company: Company) -> str:
    """Return the route as an address at the company about rows that do not exist."""
    return _filled(route, company.slug, {})


def names_rows(route: str) -> bool:
    return any(_table(route, name) for name in PARAMETER.findall(route))


def _filled(route: str, slug: str, objects: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "slug" and route.startswith(("tenants/", "sign-in/")):
            return slug
        table = _table(route, name)
        if table is None:
            return WORDS.get(name, "nothing")
        return objects.get(table) or (NOBODY if "uuid" in match.group() else "999999")

    return "/" + PARAMETER.sub(value, route)


def _table(route: str, parameter: str) -> str | None:
    found = (table for part, name, table in TABLES if name == parameter and part in route)
    return next(found, None)


def _without_regex(route: str) -> str:
    """Write a regular expression of SCIM's URLconf as a route."""
    route = re.sub(r"\(\?:/\(\?P<(\w+)>[^)]*\)\)\?", r"/<uuid:\1>", route)
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<uuid:\1>", route)
    return re.sub(r"\^|/\?\$|\$", "", route).replace("\\", "")
