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
from scim.rfc import patch_operations
from scim.rfc.attributes import ACTIVE
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import ENTERPRISE, USER
from scim.rfc.strict_json import Json
from scim.sync import managers
from scim.sync.attribute_mapping import profile_of

# Limits the statement: a PATCH may have hundreds of operations that look something up.
MAX_QUERIES = 4
DEPARTMENT = ENTERPRISE.attribute("department")


def prefetch_for(request: ScimRequest) -> None:
    """Prefetch what the request will look up, unless its token or its body is not valid.

    The endpoint then raises these errors in the usual order: a client with an invalid token gets
    401 before anything about its body.
    """
    try:
        token_info = authentication.cached_token_info(request.token_digest)
        queries = dict.fromkeys(_queries(request, token_info)) if token_info else {}
    except SCIMException:
        # Raised again when the endpoint reads the same value.
        return
    if len(queries) > 1:
        with authentication.tenant_of(request.token_digest):
            prepared_statements.prefetch(*islice(queries, MAX_QUERIES))


def _queries(request: ScimRequest, token_info: TokenInfo) -> Iterator[PreparedQuery]:
    if request.method == "POST":
        request.parsed_body = normalize(request.document, USER)
        yield from _queries_for_new_user(request, request.parsed_body, token_info)
        return
    yield fast_queries.locked_user_query(request, request.path.removeprefix("Users/"))
    match request.method:
        case "PATCH":
            request.parsed_body = patch_operations.read_operations(request.document, USER)
            for operation in request.parsed_body:
                attribute, value = operation.target.attribute, operation.value
                if attribute is ACTIVE:
                    yield schedule.days_query(token_info.tenant_id)
                elif attribute is DEPARTMENT and isinstance(value, str):
                    yield place_lookup.places_query(value, "", token_info.tenant_id)
        case "PUT" if (
            isinstance(request.document, dict) and request.document.get("active") is False
        ):
            yield schedule.days_query(token_info.tenant_id)
        case "DELETE":
            yield schedule.days_query(token_info.tenant_id)


def _queries_for_new_user(
    request: ScimRequest, document: Json, token_info: TokenInfo
) -> Iterator[PreparedQuery]:
    mapped = profile_of(document, {})
    yield authentication.connection_query(request.token_digest)
    yield fast_queries.new_user_query(token_info.connection_id, document)
    if mapped.manager:
        yield managers.manager_query(token_info.connection_id, mapped.manager)
    places = mapped.profile.department, mapped.profile.location
    yield place_lookup.places_query(*places, token_info.tenant_id)
