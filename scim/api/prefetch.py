"""Prefetch the rows that a write will look up, in one round trip.

A round trip costs more than most lookups. The connection of the token is cached, and the body
shows which rows the write will look up, so one round trip reads them all. A row that was not
prefetched is read when it is needed.
"""

from collections.abc import Iterator
from itertools import islice

from scim2_models import SCIMException

from people.db import prepared_statements
from people.db.prepared_statements import PreparedQuery
from people.operations import place_lookup
from people.operations.offboarding import schedule
from scim.api import authentication, fast_queries
from scim.api.authentication import TokenInfo
from scim.api.request import ScimRequest
from scim.rfc import dialects
from scim.rfc.attributes import ACTIVE, ENTERPRISE, USER
from scim.rfc.dialects import Operation
from scim.rfc.normalize import normalize
from scim.rfc.strict_json import Json
from scim.sync import managers
from scim.sync.attribute_mapping import profile_of

# So many at once; a strange body may ask the same thing in a hundred ways.
MOST = 4
DEPARTMENT = ENTERPRISE.attribute("department")


def prefetch_for(request: ScimRequest) -> None:
    """Ask what the request will ask, unless its token or its body cannot be read.

    Then nothing is foreseen, so that whoever has a wrong token hears of that before all else.
    """
    try:
        opened = authentication.cached_token_info(request.token_digest)
        asked = dict.fromkeys(_questions(request, opened)) if opened else {}
    except SCIMException:
        return
    if len(asked) > 1:
        prepared_statements.prefetch(*islice(asked, MOST))


def _questions(request: ScimRequest, opened: TokenInfo) -> Iterator[PreparedQuery]:
    if request.method == "POST":
        request.parsed_body = normalize(request.document, USER)
        yield from _about_newcomer(request, request.parsed_body, opened)
        return
    yield fast_queries.token_query(request, request.path.removeprefix("Users/"))
    match request.method:
        case "PATCH":
            request.parsed_body = dialects.operations(request.document, USER)
            for change in request.parsed_body:
                yield from _about_change(change, opened)
        case "PUT" if (
            isinstance(request.document, dict) and request.document.get("active") is False
        ):
            yield schedule.days_query(opened.tenant_id)
        case "DELETE":
            yield schedule.days_query(opened.tenant_id)


def _about_newcomer(
    request: ScimRequest, document: Json, opened: TokenInfo
) -> Iterator[PreparedQuery]:
    mapped = profile_of(document, {})
    yield authentication.question(request.token_digest)
    yield fast_queries.place_question(opened.connection_id, document)
    if mapped.manager:
        yield managers.question(opened.connection_id, mapped.manager)
    places = mapped.profile.department, mapped.profile.location
    yield place_lookup.places_query(*places, opened.tenant_id)


def _about_change(change: Operation, opened: TokenInfo) -> Iterator[PreparedQuery]:
    if change.target.attribute is ACTIVE:
        yield schedule.days_query(opened.tenant_id)
    elif change.target.attribute is DEPARTMENT and isinstance(change.value, str):
        yield place_lookup.places_query(change.value, "", opened.tenant_id)
