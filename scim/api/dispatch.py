"""Where SCIM requests come in: one table of addresses, one way to read, one way to write.

`serve` always ends with a SCIM answer. A write is one transaction with its events and its
row in the request log, mostly a single statement; a refusal leaves nothing of it and is
remembered afterwards.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from psycopg.errors import DeadlockDetected
from scim2_models import NotFoundException

from people import events, tenancy
from people.db import prepared_statements, unit_of_work
from people.db.constraints import constraint_of
from people.db.unit_of_work import Conflict
from scim.api import (
    bulk,
    discovery,
    errors,
    fast_queries,
    groups,
    leavers,
    prefetch,
    request_log,
    search,
    users,
)
from scim.api.errors import Refusal, Unexpected
from scim.api.request import READING, MethodNotAllowed, ScimRequest, Unavailable, refusal

log = logging.getLogger(__name__)


PREFIX = "/scim/v2"

Endpoint = Callable[[ScimRequest], HttpResponse]
ItemEndpoint = Callable[[ScimRequest, str], HttpResponse]
Handler = TypeVar("Handler")

# RFC 7644 section 3.2, Table 2.
COLLECTIONS: dict[str, dict[str, Endpoint]] = {
    "": {"GET": search.list_all},
    "Users": {"GET": search.list_users, "POST": users.create},
    "Users/.search": {"POST": search.search_users},
    "Groups": {"GET": search.list_groups, "POST": groups.create},
    "Groups/.search": {"POST": search.search_groups},
    ".search": {"POST": search.search_all},
    "Me": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), discovery.me),
    "Bulk": {"POST": lambda call: bulk.process(call, dispatch)},
    "ServiceProviderConfig": {"GET": discovery.service_provider_config},
    "ResourceTypes": {"GET": discovery.resource_types},
    "Schemas": {"GET": discovery.schemas},
}
ITEMS: dict[str, dict[str, ItemEndpoint]] = {
    "Users": {
        "GET": users.read,
        "PUT": users.replace,
        "PATCH": users.modify,
        "DELETE": users.delete,
    },
    "Groups": {
        "GET": groups.read,
        "PUT": groups.replace,
        "PATCH": groups.modify,
        "DELETE": groups.delete,
    },
    "ResourceTypes": {"GET": discovery.resource_type},
    "Schemas": {"GET": discovery.schema},
}
# POST to these asks a question, or many things that are transactions of their own.
NO_TRANSACTION = ("Users/.search", "Groups/.search", ".search", "Bulk")


@csrf_exempt
def serve(request: HttpRequest) -> HttpResponse:
    """Answer a request under /scim/v2.

    To HEAD as to GET (RFC 9110 section 9.3.2): the web server leaves the body out.
    """
    method = "GET" if request.method == "HEAD" else ""
    call = ScimRequest(request, request.path_info[len(PREFIX) :].strip("/"), method)
    response = dispatch(call)
    response["X-Request-Id"] = str(call.request_id)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    # The request log has every refusal; Django need not log it as well.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def dispatch(call: ScimRequest) -> HttpResponse:
    """Process the call and return its response, also if it is refused."""
    try:
        call.check_size()
        endpoint = _endpoint(call)
        if _needs_no_transaction(call):
            return _ask(call, endpoint)
        return _write_with_retry(call, endpoint)
    except Exception as error:
        refusal = errors.refusal_for(call, error)
    if leavers.is_said(call, refusal):
        return _deactivate(call, refusal)
    return _refused(call, refusal)


def _deactivate(call: ScimRequest, refused: Refusal) -> HttpResponse:
    """Deactivate a user who has left, even if the rest of the request is refused."""
    try:
        call.begin()
        return _again(call, lambda: leavers.deactivate(call, refused))
    except Exception as error:
        return _refused(call, errors.refusal_for(call, error))


def _refused(call: ScimRequest, error: Refusal) -> HttpResponse:
    response = refusal(error)
    if isinstance(error, Unavailable | Unexpected):
        return response
    try:
        request_log.remember_refusal(call, error, response)
    except DatabaseError:
        log.exception("Could not remember the refusal of request %s.", call.request_id)
    return response


def _needs_no_transaction(call: ScimRequest) -> bool:
    return call.method in READING or call.path in NO_TRANSACTION


def _ask(call: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    if call.path != "Bulk":  # which spends itself, because it may deactivate somebody
        call.spend()
    return endpoint(call)


def _may_defer(call: ScimRequest) -> bool:
    """Tell whether the request may be tried without first checking for taken names."""
    is_of_user = call.path == "Users" or call.changes_user
    return is_of_user and prepared_statements.available() and not call.retried_by


def _write_with_retry(call: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    """Write, and retry if another attempt may succeed.

    A name or an address turned out to be taken at the end: an attempt that asks first, and
    stores at once, shows whose it is. Or somebody was given the address in the same instant:
    the next attempt sees them, as a policy may ask. Or two writes waited for each other, and
    ours was chosen to begin again.
    """
    if _may_defer(call):
        try:
            return _write_deferring(call, endpoint)
        except Conflict:
            call.begin()
        except OperationalError as error:
            _check_not_hopeless(error)
            call.begin()
    return _again(call, lambda: _write(call, endpoint))


def _again(call: ScimRequest, write: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return write()
    except (IntegrityError, OperationalError) as error:
        _check_not_hopeless(error)
    call.begin()
    return write()


def _check_not_hopeless(error: Exception) -> None:
    """Re-raise the error unless it is a deadlock or an email address that was just taken."""
    match error:
        case IntegrityError() if constraint_of(error) != "person_email_taken":
            raise error
        case OperationalError() if not isinstance(error.__cause__, DeadlockDetected):
            raise error


def _write_deferring(call: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    with (
        events.caused_by(call.request_id),
        transaction.atomic(),
        unit_of_work.deferring(),
        prepared_statements.prefetching(),
    ):
        prefetch.prefetch_for(call)
        return _answered(call, endpoint)


def _write(call: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    with events.caused_by(call.request_id), transaction.atomic():
        return _answered(call, endpoint)


def _answered(call: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    if call.changes_user and prepared_statements.available() and not call.retried_by:
        fast_queries.token_info(call, call.path.removeprefix("Users/"))
    with tenancy.use(call.connection.tenant_id):
        response = endpoint(call)
        request_log.remember(call, response)
    return response


def _endpoint(call: ScimRequest) -> Endpoint:
    """Return the handler of the address.

    :raises NotFoundException: if nobody has the address.
    :raises MethodNotAllowed: if whoever has it does not answer to the method.
    """
    if call.path in COLLECTIONS:
        return _by_method(COLLECTIONS[call.path], call)
    kind, _, item = call.path.partition("/")
    if kind not in ITEMS or not item or "/" in item:
        call.connection  # noqa: B018  authenticate before revealing which addresses exist
        raise NotFoundException(detail=f"Not found: /{call.path}.")
    endpoint = _by_method(ITEMS[kind], call)
    return lambda call: endpoint(call, item)


def _by_method(methods: dict[str, Handler], call: ScimRequest) -> Handler:
    if call.method not in methods:
        call.connection  # noqa: B018  as above
        raise MethodNotAllowed(sorted(methods))
    return methods[call.method]
