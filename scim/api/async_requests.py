"""Asynchronous requests: RFC 9967 section 2.5.1, and `Prefer: respond-async` of RFC 7240.

Ramp accepts the preference for bulk requests (`bulk.process` calls `accept`) and for changes of
groups (`dispatch` calls `accept_group_change`), which take longest. It processes other requests at
once, as both RFCs allow. `scim.jobs.async_requests` processes what is accepted here.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.http import HttpResponse
from scim2_models import NotFoundException

from people import secrets, tenancy
from scim.api import request_log
from scim.api.rate_limits import TooManyRequests
from scim.api.request import ScimRequest, base_url, scim_response
from scim.models import AsyncRequest, Connection
from scim.rfc.ids import scim_uuid
from scim.rfc.serialize import json_bytes

BULK_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
TASK: Final = "scim.tasks.process_async_requests"
# Unfinished requests of one connection. Each stores a body of at most 1 MiB.
MAX_WAITING: Final = 100
# After this time, a client that reads the status should ask again.
RETRY_AFTER_SECONDS: Final = 5
# How long the results can be read.
KEPT: Final = timedelta(days=7)
FIELD: Final = "async-request"


def may_wait(request: ScimRequest) -> bool:
    """Tell whether the client asked for an asynchronous change of a group.

    Changes of users deactivate people, which must not wait for a worker.
    """
    is_of_group = request.path.startswith("Groups/") and request.method in ("PUT", "PATCH")
    return request.prefers_async and is_of_group


def accept_group_change(request: ScimRequest) -> HttpResponse:
    """Store the change of a group for a worker.

    :raises SCIMException: if the token is not valid, the body is not JSON, the rate limit is used
        up, or too many requests are unfinished.
    """
    request.authenticate()
    request.consume_rate_limit()
    request.document  # noqa: B018  a body that cannot be read is refused at once
    check_room(request.connection)
    return accept(request)


def check_room(connection: Connection) -> None:
    """Refuse the request if the connection has too many unfinished requests.

    :raises TooManyRequests: if it has MAX_WAITING.
    """
    with tenancy.use(connection.tenant_id):
        if AsyncRequest.objects.unfinished().filter(connection=connection).count() >= MAX_WAITING:
            raise TooManyRequests(RETRY_AFTER_SECONDS)


def accept(request: ScimRequest) -> HttpResponse:
    """Store the request for a worker, and return the response that says so."""
    connection, meta = request.connection, request.http.META
    with tenancy.use(connection.tenant_id), transaction.atomic():
        stored = AsyncRequest.objects.create(
            id=request.request_id,
            tenant_id=connection.tenant_id,
            connection=connection,
            token_digest=request.token_digest,
            method=request.method,
            path=request.path,
            if_match=request.if_match or "",
            body=secrets.sealed(request.body.decode(), tenant_id=connection.tenant_id, field=FIELD),
            headers={name: meta[name] for name in request_log.HEADERS if meta.get(name)},
            ip=request.ip,
            received_at=request.received_at,
        )
        # If the broker is down, beat starts the job later.
        transaction.on_commit(_wake_worker, robust=True)
    response = _accepted(stored)
    response["Preference-Applied"] = "respond-async"
    return response


def read(request: ScimRequest, name: str) -> HttpResponse:
    """Return the results of an asynchronous request as a bulk response, or 202 until then.

    :raises NotFoundException: if the connection has no such request, or no longer.
    """
    connection = request.connection
    with tenancy.use(connection.tenant_id):
        own = AsyncRequest.objects.filter(connection=connection, pk=scim_uuid(name))
        stored: AsyncRequest | None = own.first()
        if stored is None:
            raise NotFoundException(detail="There is no such request, or it is no longer stored.")
        if stored.finished_at is None:
            response = _accepted(stored)
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return response
        results = list(stored.results.order_by("index").values_list("result", flat=True))
    return scim_response(json_bytes({"schemas": [BULK_RESPONSE], "Operations": results}))


def status_url(request_id: UUID) -> str:
    return f"{base_url()}/AsyncRequests/{request_id}"


def _accepted(stored: AsyncRequest) -> HttpResponse:
    # A changed group has a location of its own, which RFC 9967 allows as well.
    location = status_url(stored.pk) if stored.is_bulk else f"{base_url()}/{stored.path}"
    return scim_response(status=202, Location=location, Set_Txn=str(stored.pk))


def _wake_worker() -> None:
    current_app.send_task(TASK, retry=False)
