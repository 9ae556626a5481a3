"""/Bulk: many operations in one request, RFC 7644 section 3.7.

Each operation is processed like a single request, in its own transaction. It may refer to a
resource that another operation creates, before or after it, as “bulkId:…”.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from scim2_models import (
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
    SCIMException,
)

from people import tenancy
from scim.api import async_requests, request_log
from scim.api.request import CHANGE_METHODS, ScimRequest, base_url, error_response, scim_response
from scim.rfc import activity
from scim.rfc.serialize import json_bytes
from scim.rfc.strict_json import Json
from scim.sync import sync_errors

MAX_OPERATIONS = 1000
REFERENCE = "bulkId:"
DEACTIVATION = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
METHODS = ("POST", "PUT", "PATCH", "DELETE")

# The paths of operations: no read-only endpoints, and no nested bulk requests.
_RESOURCES = re.compile(r"/?(?:Users|Groups)(?:/(?!\.search)[^/]*)?/?")

Dispatch = Callable[[ScimRequest], HttpResponse]


def process(request: ScimRequest, dispatch: Dispatch) -> HttpResponse:
    """Process the operations until `failOnErrors` of them have failed.

    Deactivations are processed even after that, and even if the request is refused as a whole.
    The error of an operation is part of the response.

    :raises SCIMException: if the request is refused as a whole and deactivates nobody.
    """
    request.connection  # noqa: B018  authenticate before anything else
    try:
        request.consume_rate_limit()
        operations, most_errors = read(request.document)
        if request.prefers_async:
            async_requests.check_room(request.connection)
    except SCIMException as error:
        # Leavers first: no error of the request may delay its deactivations.
        return _deactivate(request, error, dispatch)
    with tenancy.use(request.connection.tenant_id):
        sync_errors.resolve_bulk(request.connection)
    if request.prefers_async:
        return async_requests.accept(request)
    run = BulkRun(request, operations, dispatch, most_errors)
    for index in run.remaining():
        run.execute(index)
    return bulk_response(run.results)


@dataclass
class BulkRun:
    """The operations of a bulk request, and the results of those that have been executed."""

    request: ScimRequest
    operations: list[Json]
    dispatch: Dispatch
    # The number of errors after which to stop, 0 for never.
    most_errors: int = 0
    # By index, because the response has the order of the request.
    results: dict[int, Json] = field(default_factory=dict)
    errors: int = 0
    ids_by_bulk_id: dict[str, str] = field(default_factory=dict)

    def remaining(self) -> Iterator[int]:
        """Yield the index of each operation to execute, in an order that its references allow."""
        for index in _ordered(self.operations):
            is_stopped = self.most_errors and self.errors >= self.most_errors
            if index in self.results or (is_stopped and not _deactivates(self.operations[index])):
                continue
            yield index

    def execute(self, index: int) -> None:
        part = self.part(index)
        self.note(index, result_of(self.operations[index], part.path, self.dispatch(part)))

    def part(self, index: int) -> ScimRequest:
        """Return the operation as a request of its own, with ids in place of its references."""
        operation = self.operations[index]
        # RFC 7644 section 3.7 writes “/Users”; the table of `dispatch` has no leading slashes.
        path = _resolved(operation["path"], self.ids_by_bulk_id).strip("/")
        document = _resolved(operation.get("data"), self.ids_by_bulk_id)
        part = self.request.operation_request(operation["method"].upper(), path, document)
        part.if_match = operation.get("version")
        return part

    def note(self, index: int, result: Json) -> None:
        self.results[index] = result
        is_error = int(result["status"]) >= 400
        self.errors += is_error
        if not is_error and result["method"] == "POST" and "bulkId" in result:
            self.ids_by_bulk_id[result["bulkId"]] = result["location"].rpartition("/")[2]


def bulk_response(results: dict[int, Json]) -> HttpResponse:
    operations = [results[index] for index in sorted(results)]
    return scim_response(
        json_bytes({"schemas": [async_requests.BULK_RESPONSE], "Operations": operations})
    )


def _deactivates(operation: Any) -> bool:
    """Tell whether the operation deactivates a user, even if it is not valid otherwise."""
    if not isinstance(operation, dict):
        return False
    method, path = operation.get("method"), operation.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        return False
    is_user = path.strip("/").startswith("Users/") and method.upper() in CHANGE_METHODS
    return is_user and activity.says_inactive(method.upper(), operation.get("data"))


def _deactivate(request: ScimRequest, error: SCIMException, dispatch: Dispatch) -> HttpResponse:
    """Process only the deactivations of a request that is refused as a whole.

    At most MAX_OPERATIONS are processed: more would keep a web process busy for minutes. The
    response shows which operations to send again.

    :raises SCIMException: the error, if the request deactivates nobody.
    """
    document = request.lenient_document()
    sent = document.get("Operations") if isinstance(document, dict) else None
    operations: list[Any] = sent if isinstance(sent, list) else []
    if not any(map(_deactivates, operations)):
        raise error
    response = error_response(error)
    request_log.record_refusal(request, error, response)
    error_result = {"status": str(response.status_code), "response": json.loads(response.content)}
    results: dict[int, Json] = {}
    left = MAX_OPERATIONS
    for index, one in enumerate(operations):
        if not (left and _deactivates(one)):
            method = one.get("method") if isinstance(one, dict) else None
            results[index] = {"method": method} | error_result
            continue
        left -= 1
        operation = {"method": one["method"].upper(), "path": one["path"]}
        if operation["method"] != "DELETE":
            # Its other changes are not applied, because the request was not read completely.
            operation |= {"method": "PATCH", "data": DEACTIVATION}
        run = BulkRun(request, [operation], dispatch)
        run.execute(0)
        results[index] = run.results[0] | {"method": one["method"]}
    return bulk_response(results)


def read(document: Any) -> tuple[list[Json], int]:
    """Return the operations, and the number of errors after which to stop, 0 for never.

    :raises InvalidSyntaxException, InvalidValueException: if the request is not a bulk request.
    :raises PayloadTooLargeException: if it has too many operations.
    """
    if not isinstance(document, dict) or not isinstance(document.get("Operations"), list):
        raise InvalidSyntaxException(detail="A bulk request needs a list of “Operations”.")
    operations = document["Operations"]
    if len(operations) > MAX_OPERATIONS:
        raise PayloadTooLargeException(
            detail=f"Send at most {MAX_OPERATIONS} operations in one bulk request."
        )
    most_errors = document.get("failOnErrors") or 0
    if not isinstance(most_errors, int) or most_errors < 0:
        raise InvalidValueException(detail="“failOnErrors” must be a whole number.")
    for operation in operations:
        _check(operation)
    names = Counter(one["bulkId"] for one in operations if one.get("bulkId"))
    if twice := [name for name, times in names.items() if times > 1]:
        # RFC 7644 section 3.7: a bulkId is unique within the request.
        raise InvalidSyntaxException(detail=f"The bulkId “{twice[0][:100]}” is used twice.")
    return operations, most_errors


def _check(operation: Any) -> None:
    method = operation.get("method") if isinstance(operation, dict) else None
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise InvalidSyntaxException(
            detail="Each operation needs a “method”: POST, PUT, PATCH or DELETE."
        )
    path = operation.get("path")
    if not isinstance(path, str) or not _RESOURCES.fullmatch(path):
        raise InvalidSyntaxException(
            detail="Each operation needs the “path” of a resource, such as “/Users”."
        )
    for name in ("bulkId", "version"):
        if not isinstance(operation.get(name), str | None):
            raise InvalidSyntaxException(detail=f"The “{name}” of an operation must be a string.")
    if method.upper() == "POST" and not isinstance(operation.get("bulkId"), str):
        raise InvalidSyntaxException(detail="A POST in a bulk request needs a “bulkId”.")


def _ordered(operations: list[Json]) -> Iterator[int]:
    """Yield the indexes of the operations, each after the operations that it refers to.

    Operations that refer to each other in a circle keep the order in which they were sent.
    """
    # A stack instead of recursion, because references may form a chain of MAX_OPERATIONS.
    creates = {one["bulkId"]: index for index, one in enumerate(operations) if one.get("bulkId")}
    done: set[int] = set()
    stack = list(reversed(range(len(operations))))
    waiting: set[int] = set()
    while stack:
        index = stack[-1]
        needs = [creates[name] for name in _references(operations[index]) if name in creates]
        ahead = [one for one in needs if one not in done and one not in waiting and one != index]
        if index in done or not ahead:
            stack.pop()
            if index not in done:
                done.add(index)
                yield index
        else:
            waiting.add(index)
            stack.extend(ahead)


def _references(value: Any) -> Iterator[str]:
    match value:
        case str() if REFERENCE in value:
            for part in value.split("/"):
                if part.startswith(REFERENCE):
                    yield part.removeprefix(REFERENCE)
        case dict():
            for one in value.values():
                yield from _references(one)
        case list():
            for one in value:
                yield from _references(one)


def result_of(operation: Json, path: str, response: HttpResponse) -> Json:
    """Return the result of an operation on this path, as RFC 7644 section 3.7.3 specifies it."""
    method, bulk_id = operation["method"].upper(), operation.get("bulkId")
    result: Json = {"method": method} | ({"bulkId": bulk_id} if bulk_id else {})
    result["status"] = str(response.status_code)
    if method != "POST":
        # Also of what has failed (RFC 7644 section 3.7).
        result["location"] = f"{base_url()}/{path}"
    if response.status_code >= 400:
        return result | {"response": json.loads(response.content)}
    result["location"] = response.get("Location", f"{base_url()}/{path}")
    if "ETag" in response:
        result["version"] = response["ETag"]
    return result


def _resolved(value: Any, ids_by_bulk_id: dict[str, str]) -> Any:
    """Replace bulkId references by ids; an unknown reference stays and is refused as an id."""
    match value:
        case str() if REFERENCE in value:
            return "/".join(
                ids_by_bulk_id.get(part.removeprefix(REFERENCE), part)
                if part.startswith(REFERENCE)
                else part
                for part in value.split("/")
            )
        case dict():
            return {name: _resolved(one, ids_by_bulk_id) for name, one in value.items()}
        case list():
            return [_resolved(one, ids_by_bulk_id) for one in value]
    return value
