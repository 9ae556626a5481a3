"""The parsed SCIM request that every endpoint receives, its authentication and its errors."""

import re
from collections.abc import Callable
from functools import cached_property
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from scim2_models import (
    PayloadTooLargeException,
    SCIMException,
    UnauthorizedException,
    UniquenessException,
)

from people.client_address import client_address
from people.models import Event
from people.operations.roles.base_roles import LastAdministrator, LastOwner
from people.tokens import may_be_valid, token_digest
from people.values import Actor, PeopleError
from scim.api import rate_limits, token_usage
from scim.api.authentication import connection_of
from scim.models import Connection, RequestLog, ScimUser
from scim.rfc import strict_json
from scim.rfc.serialize import json_bytes
from scim.sync.sync_errors import SyncErrorSubject

MEDIA_TYPE = "application/scim+json"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
READ_METHODS = ("GET", "OPTIONS")
CHANGE_METHODS = ("PUT", "PATCH", "DELETE")

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


class UnsupportedMediaType(SCIMException):
    status = 415
    _default_detail = "Send the body as application/scim+json."


class Unavailable(SCIMException):
    status = 503
    retry_after = 1
    _default_detail = "The database is not available right now. Try again in a second."


class MethodNotAllowed(SCIMException):
    status = 405

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(detail=f"This address supports only {' and '.join(allowed)}.")
        self.allowed = allowed


class UniquenessConflict(UniquenessException):
    """Another resource of the connection has the value of a unique column."""

    def __init__(self, constraint: str) -> None:
        if constraint == "scim_user_name_taken":
            detail = (
                "Another resource of this connection has this userName. Find it by its userName "
                "and update it, or send a different userName."
            )
        else:
            detail = "Another user of this connection is already linked to this person."
        super().__init__(detail=detail)


class ScimRequest:
    """One SCIM request. The first use of `connection` authenticates it."""

    def __init__(self, http: HttpRequest, path: str, method: str = "") -> None:
        self.http = http
        self.path = path
        self.method = method or http.method or ""
        self.request_id: UUID = uuid4()
        # The `txn` of security events. Operations of asynchronous requests have another one.
        self.txn = str(self.request_id)
        self.received_at = timezone.now()
        self.started = monotonic()
        self.reset()
        self.if_match: str | None = http.META.get("HTTP_IF_MATCH")
        self.prefers_async = prefers_async(http.META.get("HTTP_PREFER", ""))
        # Called with the response, in the transaction that logs the request.
        self.on_response: Callable[[HttpResponse], None] | None = None
        # The actor who retries a stored request, and whether they confirmed a link.
        self.retried_by = ""
        self.may_link = False
        self._is_counted = False

    @classmethod
    def from_log(
        cls, log: RequestLog, *, retried_by: Actor, may_link: bool = False
    ) -> "ScimRequest":
        """Return a stored request, to be retried without a token."""
        path, _, query = log.path.strip("/").partition("?")
        http = HttpRequest()
        http.META = {"QUERY_STRING": query, "CONTENT_LENGTH": str(len(log.body.encode()))}
        request = cls(http, path, log.method)
        request.connection, request.body = log.connection, log.body.encode()
        request.retried_by, request.may_link = str(retried_by), may_link
        return request

    def reset(self) -> None:
        """Discard the state of an earlier attempt."""
        self.subject = SyncErrorSubject()
        # What `prefetch` has read from the body: the document of a POST, the operations of a PATCH.
        self.parsed_body: Any = None
        # The user to be changed, if `fast_queries.authenticate_and_lock` has locked and read it
        # with its person.
        self.locked_user: ScimUser | None = None
        # Whether that query has run. If it found no user, `locked_user` is None.
        self.lock_query_ran = False
        # The refused parts of a request that was accepted because it deactivates a user.
        self.partial_errors: list[SCIMException | PeopleError] = []

    def operation_request(self, method: str, path: str, document: Any) -> "ScimRequest":
        """Return one operation of a bulk request as a request of its own."""
        part = ScimRequest(self.http, path, method)
        # The preference is about the whole request.
        part.prefers_async = False
        part.connection, part.token_digest = self.connection, self.token_digest
        part.document = document
        part.body = json_bytes(document) if document is not None else b""
        return part

    @property
    def changes_user(self) -> bool:
        return self.path.startswith("Users/") and self.method in CHANGE_METHODS

    @property
    def interface(self) -> Event.Interface | None:
        """The interface of its events; None, if an administrator retries it on a page."""
        return None if self.retried_by else Event.Interface.SCIM

    @property
    def ip(self) -> str | None:
        return client_address(self.http.META)

    @property
    def address(self) -> str:
        """The path and the query, as the request log shows it."""
        query = self.http.META.get("QUERY_STRING", "")
        path = self.path.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return f"/{path}?{query}" if query else f"/{path}"

    @property
    def query(self) -> QueryDict:
        return self.http.GET

    @cached_property
    def body(self) -> bytes:
        """The body; empty if it is larger than Django reads, which `check_size` refuses."""
        try:
            return self.http.body
        except RequestDataTooBig:
            # The refused request is still logged, without its body.
            return b""

    @cached_property
    def token_digest(self) -> str:
        """The digest of the bearer token (RFC 6750 section 2.1).

        :raises UnauthorizedException: if there is none, or its checksum is wrong.
        """
        scheme, _, token = self.http.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthorizedException(detail="Send the token as “Authorization: Bearer …”.")
        # The checksum refuses an incompletely copied token without a query.
        if not may_be_valid(token.strip(), "scim"):
            raise invalid_token_error()
        presented = token_digest(token.strip())
        token_usage.record_use(presented, self.received_at, self.http.META)
        return presented

    @cached_property
    def connection(self) -> Connection:
        """The connection of the bearer token.

        :raises UnauthorizedException: if the token is missing, unknown or revoked, or if its
            connection or tenant is no longer active.
        """
        connection = connection_of(self.token_digest)
        if connection is None:
            raise invalid_token_error()
        return connection

    def authenticate(self) -> None:
        """Check the bearer token, for callers that do not need the connection.

        :raises UnauthorizedException: as `connection`.
        """
        _ = self.connection

    def consume_rate_limit(self) -> None:
        """Count the request against the rate limit of its token, once for all its attempts.

        :raises rate_limits.TooManyRequests: if the token has used up its rate.
        """
        if not (self.retried_by or self._is_counted):
            self._is_counted = True
            reads = self.method in READ_METHODS or self.path.endswith(".search")
            rate_limits.consume(self.token_digest, reads=reads)

    @cached_property
    def document(self) -> Any:
        """The body as JSON.

        :raises UnsupportedMediaType: if the media type is not JSON.
        :raises PayloadTooLargeException, InvalidSyntaxException: as `strict_json.read`.
        """
        encoding = self.http.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if encoding not in ("", "identity"):
            raise UnsupportedMediaType(
                detail=f"Send the body without the Content-Encoding “{encoding[:50]}”."
            )
        # Rippling, authentik and Microsoft's examples send application/json.
        content_type = self.http.content_type or ""
        if content_type and not content_type.endswith(("/json", "+json")):
            raise UnsupportedMediaType
        return strict_json.read(self.body)

    def lenient_document(self) -> Any:
        """Return the body even if `document` refuses it, or None if it is not JSON at all.

        Never store the result: it may contain duplicate names or characters that PostgreSQL
        does not accept.
        """
        try:
            return self.document
        except SCIMException:
            return strict_json.read_leniently(self.body)

    def check_size(self) -> None:
        """Check the size of the body before it is read.

        :raises PayloadTooLargeException: if it is larger than 1 MiB.
        """
        length = self.http.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > strict_json.MAX_BODY_SIZE:
            raise PayloadTooLargeException(detail="The request body may hold at most 1 MiB.")


def invalid_token_error() -> UnauthorizedException:
    return UnauthorizedException(
        detail=(
            "This token is invalid or was revoked. Use an active token, or create a new one in "
            "the SCIM settings in Ramp."
        )
    )


def prefers_async(prefer: str) -> bool:
    """Tell whether the header asks for an asynchronous response (RFC 7240 section 4.1)."""
    unquoted = _QUOTED.sub("", prefer)
    names = [one.partition(";")[0].partition("=")[0] for one in unquoted.split(",")]
    return any(name.strip().lower() == "respond-async" for name in names)


def base_url() -> str:
    return f"{settings.PUBLIC_BASE_URL}/scim/v2"


def scim_response(body: bytes = b"", status: int = 200, **headers: str) -> HttpResponse:
    response = HttpResponse(body, status=status, content_type=MEDIA_TYPE)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def accepts_only_plain_json(accept: str) -> bool:
    """Tell whether the `Accept` header asks for `application/json` and not for SCIM's media type.

    The response then has that type (RFC 7644 section 3.8); OneLogin asks for it.
    """
    accepted = accept.lower()
    return "application/json" in accepted and MEDIA_TYPE not in accepted


def error_response(error: SCIMException | PeopleError) -> HttpResponse:
    """Return the error as a SCIM error response (RFC 7644 section 3.12)."""
    match error:
        case LastOwner() | LastAdministrator():
            error = SCIMException(detail=str(error))
            error.status = 403
        case PeopleError():
            error = SCIMException(detail=str(error))
            error.status, error.scim_type = 400, "invalidValue"
    body = {"schemas": [ERROR_SCHEMA], "status": str(error.status), "detail": error.detail}
    if error.scim_type:
        body["scimType"] = error.scim_type
    response = scim_response(json_bytes(body), error.status)
    match error:
        case UnauthorizedException():
            response["WWW-Authenticate"] = 'Bearer realm="Ramp SCIM"'
        case MethodNotAllowed():
            response["Allow"] = ", ".join(error.allowed)
        case rate_limits.TooManyRequests() | Unavailable():
            response["Retry-After"] = str(error.retry_after)
    return response
