"""The request log: one row for every write and every refused request.

The row of a write is part of its transaction. A refused request is logged after the rollback,
with a sync error if it was a write, so that Team updates can show how to resolve it.
"""

import json
import re
from time import monotonic
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from scim2_models import SCIMException, UnauthorizedException

from people import tenancy
from people.values import PeopleError
from scim.api import refused_writes
from scim.api.rate_limits import TooManyRequests
from scim.api.request import ScimRequest, error_response
from scim.models import RequestLog
from scim.rfc import strict_json
from scim.sync import sync_errors

MAX_BODY_LENGTH = 64 * 1024
MASK = "••••••"
SECRET = re.compile("password|token|secret", re.IGNORECASE)
# A body that is not JSON cannot be masked in parts.
UNREADABLE = f"{MASK} (Not stored, because it mentions a secret and is not JSON.)"
# Only these headers are logged, so that Authorization never is.
HEADERS = ("HTTP_USER_AGENT", "HTTP_ACCEPT", "CONTENT_TYPE", "HTTP_IF_MATCH")


def record(request: ScimRequest, response: HttpResponse) -> None:
    """Log the request; the caller opens the transaction and sets the tenant."""
    path, _, query = request.address.partition("?")
    answer = ""
    if request.partial_errors:
        # The first refused part of an accepted request.
        answer = error_response(request.partial_errors[0]).content.decode()
    elif response.status_code >= 400:
        answer = response.content.decode()
    RequestLog.objects.create(
        id=request.request_id,
        tenant_id=request.connection.tenant_id,
        connection=request.connection,
        user=request.subject.user if request.subject.user and request.subject.user.pk else None,
        retried_by=request.retried_by,
        method=request.method,
        path=f"{path}?{MASK}" if SECRET.search(query) else request.address,
        headers=_headers(request),
        body=_masked(request.body),
        status=response.status_code,
        answer=answer,
        ip=request.ip,
        received_at=request.received_at,
        milliseconds=round((monotonic() - request.started) * 1000),
    )
    if request.on_response:
        request.on_response(response)


def record_refusal(
    request: ScimRequest, error: SCIMException | PeopleError, response: HttpResponse
) -> None:
    """Log a refused request, and record its sync error, if its token is valid."""
    if isinstance(error, UnauthorizedException | TooManyRequests):
        # Unknown clients and clients over their rate limit must not fill the log.
        return
    try:
        tenant_id = request.connection.tenant_id
    except UnauthorizedException:
        # The request was refused before its token was checked, for example because of its size.
        return
    with tenancy.use(tenant_id), transaction.atomic():
        is_listed = refused_writes.is_listed(request, response.status_code)
        # Before `record`, which stores the user that `subject_of` finds.
        subject = refused_writes.subject_of(request) if is_listed else request.subject
        record(request, response)
        if is_listed:
            sync_errors.record(request.connection, subject, error, request_id=request.request_id)
            refused_writes.mark_has_errors(request, subject)


def _headers(request: ScimRequest) -> dict[str, str]:
    meta = request.http.META
    return {
        name.removeprefix("HTTP_").replace("_", "-").title(): meta[name]
        for name in HEADERS
        if meta.get(name)
    }


def _masked(body: bytes) -> str:
    """Return the body as text for the log: without secrets and NUL, and cut at MAX_BODY_LENGTH."""
    # Masked before it is cut: a cut body is not JSON, and could not be masked.
    text = sync_errors.storable(body[: strict_json.MAX_BODY_SIZE].decode("utf-8", "replace"))
    return masked(text)[:MAX_BODY_LENGTH]


def masked(text: str) -> str:
    """Return the JSON text with the values of secrets masked, at any depth."""
    if not SECRET.search(text):
        return text
    try:
        safe = json.dumps(_without_secrets(json.loads(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return UNREADABLE
    # JSON can escape half of a surrogate pair, which PostgreSQL does not store.
    return safe.encode("utf-8", "replace").decode()


def _without_secrets(value: Any) -> Any:
    match value:
        case dict():
            # A PATCH names what it sets beside the value: {"path": "password", "value": …}.
            named = {key: one for key, one in value.items() if key.lower() == "path"}
            hides = any(isinstance(one, str) and SECRET.search(one) for one in named.values())
            return {
                key: MASK
                if SECRET.search(key) or (hides and key.lower() == "value")
                else _without_secrets(one)
                for key, one in value.items()
            }
        case list():
            return [_without_secrets(one) for one in value]
        case _:
            return value
