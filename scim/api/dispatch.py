"""The entry point of SCIM requests: one table of endpoints, one way to read, one way to write.

`serve` always returns a SCIM response. A write is one transaction with its events and its row
in the request log, usually a single statement. A refusal rolls it back, and is logged
afterwards.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import structlog
from django.conf import settings
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
    async_requests,
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
from scim.api.authentication import cached_token_info, connection_of
from scim.api.errors import Refusal, Unexpected
from scim.api.request import (
    READ_METHODS,
    MethodNotAllowed,
    ScimRequest,
    Unavailable,
    accepts_only_plain_json,
    base_url,
    error_response,
)

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
    "Bulk": {"POST": lambda request: bulk.process(request, dispatch)},
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
    "AsyncRequests": {"GET": async_requests.read},
}
# A POST to .search only reads, and each operation of a bulk request is its own transaction.
NO_TRANSACTION = ("Users/.search", "Groups/.search", ".search", "Bulk")


@csrf_exempt
def serve(http: HttpRequest) -> HttpResponse:
    """Answer a request under /scim/v2.

    HEAD is processed as GET (RFC 9110 section 9.3.2); the web server omits the body.
    """
    method = "GET" if http.method == "HEAD" else ""
    # Some base URLs end with a slash; a redirect would turn a POST into a GET.
    request = ScimRequest(http, http.path_info[len(PREFIX) :].strip("/"), method)
    with structlog.contextvars.bound_contextvars(request_id=str(request.request_id)):
        response = dispatch(request)
    response["X-Request-Id"] = str(request.request_id)
    if settings.METRICS_TOKEN:
        http.scim_connection_id = _connection_id(request, response)  # type: ignore[attr-defined]
    return _finished(http, response)


def _connection_id(request: ScimRequest, response: HttpResponse) -> str:
    """Return the id of the connection, for the metrics; blank if it is not known."""
    digest = vars(request).get("token_digest", "")
    if known := cached_token_info(digest):
        return str(known.connection_id)
    # Fast reads authenticate without loading the connection, so it is read once per token.
    with suppress(DatabaseError):
        if response.status_code < 400 and (connection := connection_of(digest)):
            return str(connection.pk)
    return ""


@csrf_exempt
def serve_elsewhere(http: HttpRequest) -> HttpResponse:
    """Answer a request below /scim, but not below the base URL, with an error that names it."""
    detail = f"There is no SCIM service at this address. The base URL is {base_url()}."
    return _finished(http, error_response(NotFoundException(detail=detail)))


def _finished(http: HttpRequest, response: HttpResponse) -> HttpResponse:
    if accepts_only_plain_json(http.META.get("HTTP_ACCEPT", "")):
        response["Content-Type"] = "application/json"
    response["X-Content-Type-Options"] = "nosniff"
    # Responses contain personal data.
    response["Cache-Control"] = "no-store"
    # The request log has every refusal; Django need not log it as well.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def dispatch(request: ScimRequest) -> HttpResponse:
    """Process the request and return its response, also if it is refused."""
    try:
        request.check_size()
        endpoint = _find_endpoint(request)
        if request.method in READ_METHODS or request.path in NO_TRANSACTION:
            # `bulk.process` counts itself, because the rate limit must not delay deactivations.
            if request.path != "Bulk":
                request.consume_rate_limit()
            return endpoint(request)
        if async_requests.may_wait(request):
            return async_requests.accept_group_change(request)
        return _write_with_retry(request, endpoint)
    except Exception as error:
        refusal = errors.refusal_for(request, error)
    if not leavers.deactivates_user(request, refusal):
        return _refuse(request, refusal)
    # A user who has left is deactivated, even if the rest of the request is refused.
    try:
        request.reset()
        return _retry_once(request, lambda: leavers.deactivate(request, refusal))
    except Exception as error:
        return _refuse(request, errors.refusal_for(request, error))


def _refuse(request: ScimRequest, error: Refusal) -> HttpResponse:
    response = error_response(error)
    # Neither is about the content of the request, and the database may be the one that fails.
    if isinstance(error, Unavailable | Unexpected):
        return response
    try:
        request_log.record_refusal(request, error, response)
    except DatabaseError:
        # The provider still gets the error that explains what to correct.
        log.exception("Could not remember the refusal of request %s.", request.request_id)
    return response


def _write_with_retry(request: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    """Process the write, and retry it if another attempt may succeed.

    There are three such cases:

    - The deferred rows violate a unique constraint. The retry runs without deferring, so it finds
      the row that has the value, and the error can name it.
    - Another transaction has just taken the email address. The next attempt finds that person,
      and a policy may link them.
    - PostgreSQL aborted this transaction to resolve a deadlock.
    """
    # The first attempt does not check for taken names, which saves a statement.
    is_of_user = request.path == "Users" or request.changes_user
    if is_of_user and prepared_statements.available() and not request.retried_by:
        try:
            return _write_deferring(request, endpoint)
        except Conflict:
            # The transaction has been rolled back, and the token and the locks are read again.
            request.reset()
        except OperationalError as error:
            _check_retryable(error)
            request.reset()
    return _retry_once(request, lambda: _write(request, endpoint))


def _retry_once(request: ScimRequest, write: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return write()
    except (IntegrityError, OperationalError) as error:
        _check_retryable(error)
    request.reset()
    return write()


def _check_retryable(error: Exception) -> None:
    """Re-raise the error unless it is a deadlock or an email address that was just taken."""
    match error:
        case IntegrityError() if constraint_of(error) != "person_email_taken":
            raise error
        case OperationalError() if not isinstance(error.__cause__, DeadlockDetected):
            raise error


def _write_deferring(request: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    # The unit of work stores its rows when its block ends, so it is inside the transaction. The
    # prefetched rows are locked by the transaction, so they are discarded before it ends.
    with (
        events.caused_by(request.request_id, request.interface, request.ip),
        transaction.atomic(),
        unit_of_work.deferring(),
        prepared_statements.prefetching(),
    ):
        prefetch.prefetch_for(request)
        return _call_endpoint(request, endpoint)


def _write(request: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    with events.caused_by(request.request_id, request.interface, request.ip), transaction.atomic():
        return _call_endpoint(request, endpoint)


def _call_endpoint(request: ScimRequest, endpoint: Endpoint) -> HttpResponse:
    # An administrator who retries a request has no token, so its connection is already set.
    if request.changes_user and prepared_statements.available() and not request.retried_by:
        fast_queries.authenticate_and_lock(request, request.path.removeprefix("Users/"))
    with tenancy.use(request.connection.tenant_id):
        response = endpoint(request)
        request_log.record(request, response)
    return response


def _find_endpoint(request: ScimRequest) -> Endpoint:
    """Return the handler of the address.

    :raises NotFoundException: if no endpoint has this path.
    :raises MethodNotAllowed: if the endpoint does not support the method.
    """
    if request.path in COLLECTIONS:
        return _handler_for(COLLECTIONS[request.path], request)
    kind, _, item = request.path.partition("/")
    if kind not in ITEMS or not item or "/" in item:
        # Before the response reveals which addresses exist.
        request.authenticate()
        raise NotFoundException(detail=f"Not found: /{request.path}.")
    endpoint = _handler_for(ITEMS[kind], request)
    return lambda request: endpoint(request, item)


def _handler_for(methods: dict[str, Handler], request: ScimRequest) -> Handler:
    if request.method not in methods:
        # Before the response reveals which addresses exist.
        request.authenticate()
        raise MethodNotAllowed(sorted(methods))
    return methods[request.method]
