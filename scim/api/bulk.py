"""/Bulk: many operations in one request, RFC 7644 section 3.7.

Each operation is processed like a single request, in its own transaction. It may refer to a
resource that another operation creates, before or after it, as “bulkId:…”.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpResponse
from scim2_models import (
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
    SCIMException,
)

from people import tenancy
from scim.api import request_log
from scim.api.request import CHANGE_METHODS, ScimRequest, base_url, error_response, scim_response
from scim.rfc import activity
from scim.rfc.serialize import json_bytes
from scim.rfc.strict_json import Json
from scim.sync import sync_errors

MAX_OPERATIONS = 1000
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
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
        operations, most_errors = _read(request.document)
    except SCIMException as error:
        # Leavers first: no error of the request may delay its deactivations.
        return _deactivate(request, error, dispatch)
    with tenancy.use(request.connection.tenant_id):
        sync_errors.resolve_bulk(request.connection)
    ids_by_bulk_id: dict[str, str] = {}
    results: dict[int, Json] = {}
    # Results are collected by index: the response has the order of the request.
    errors = 0
    for index in _ordered(operations):
        if most_errors and errors >= most_errors and not _deactivates(operations[index]):
            continue
        results[index] = _execute(request, operations[index], ids_by_bulk_id, dispatch)
        errors += int(results[index]["status"]) >= 400
    return _bulk_response([results[index] for index in sorted(results)])


def _bulk_response(results: list[Json]) -> HttpResponse:
    return scim_response(json_bytes({"schemas": [RESPONSE], "Operations": results}))


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
    operations = _operations(request.lenient_document())
    if not any(map(_deactivates, operations)):
        raise error
    response = error_response(error)
    request_log.record_refusal(request, error, response)
    error_result = {"status": str(response.status_code), "response": json.loads(response.content)}
    results: list[Json] = []
    left = MAX_OPERATIONS
    for one in operations:
        if not (left and _deactivates(one)):
            results.append(
                {"method": one.get("method") if isinstance(one, dict) else None} | error_result
            )
            continue
        left -= 1
        operation = {"method": one["method"].upper(), "path": one["path"]}
        if operation["method"] != "DELETE":
            # Its other changes are not applied, because the request was not read completely.
            operation |= {"method": "PATCH", "data": DEACTIVATION}
        results.append(_execute(request, operation, {}, dispatch) | {"method": one["method"]})
    return _bulk_response(results)


def _operations(document: Any) -> list[Any]:
    given = document.get("Operations") if isinstance(document, dict) else None
    return given if isinstance(given, list) else []


def _read(document: Any) -> tuple[list[Json], int]:
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


def _execute(
    request: ScimRequest, operation: Json, ids_by_bulk_id: dict[str, str], dispatch: Dispatch
) -> Json:
    method, bulk_id = operation["method"].upper(), operation.get("bulkId")
    result: Json = {"method": method} | ({"bulkId": bulk_id} if bulk_id else {})
    # RFC 7644 section 3.7 writes “/Users”; the table of `dispatch` has no leading slashes.
    path = _resolved(operation["path"], ids_by_bulk_id).strip("/")
    part = request.operation_request(method, path, _resolved(operation.get("data"), ids_by_bulk_id))
    part.if_match = operation.get("version")
    response = dispatch(part)
    result["status"] = str(response.status_code)
    if method != "POST":
        # Also of what has failed (RFC 7644 section 3.7).
        result["location"] = f"{base_url()}/{path}"
    if response.status_code >= 400:
        return result | {"response": json.loads(response.content)}
    result["location"] = response.get("Location", f"{base_url()}/{path}")
    if "ETag" in response:
        result["version"] = response["ETag"]
    if bulk_id and method == "POST":
        ids_by_bulk_id[bulk_id] = result["location"].rpartition("/")[2]
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
