"""/Bulk: many operations in one request, RFC 7644 section 3.7.

Each operation is carried out as if it had come alone, in a transaction of its own. One may
refer to what another creates, before or after it, as “bulkId:…”.
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
from scim.api.request import CHANGES, ScimRequest, answer, base_url, refusal
from scim.rfc import activity
from scim.rfc.serialize import json_bytes
from scim.rfc.strict_json import Json
from scim.sync import sync_errors

MOST_OPERATIONS = 1000
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
REFERENCE = "bulkId:"
DEACTIVATION = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
METHODS = ("POST", "PUT", "PATCH", "DELETE")

# Read-only endpoints and nested bulk requests are not supported.
_RESOURCES = re.compile(r"/?(?:Users|Groups)(?:/(?!\.search)[^/]*)?/?")

CarryOut = Callable[[ScimRequest], HttpResponse]


def process(request: ScimRequest, carry_out: CarryOut) -> HttpResponse:
    """Carry out the operations, until `failOnErrors` of them have failed.

    Deactivations are carried out after that too, and where the request as a whole is refused.

    :raises SCIMException: if the request as a whole is refused, and deactivates nobody; an
        operation that fails says so in its own place.
    """
    request.connection  # noqa: B018  nobody's token, nobody's operations
    try:
        request.spend()
        operations, most_errors = _read(request.document)
    except SCIMException as error:
        return _deactivate(request, error, carry_out)
    with tenancy.use(request.connection.tenant_id):
        sync_errors.resolve_of_bulk(request.connection)
    known: dict[str, str] = {}
    results: dict[int, Json] = {}
    errors = 0
    for index in _ordered(operations):
        if most_errors and errors >= most_errors and not _deactivates(operations[index]):
            continue
        results[index] = _one(request, operations[index], known, carry_out)
        errors += int(results[index]["status"]) >= 400
    return _answer([results[index] for index in sorted(results)])


def _answer(results: list[Json]) -> HttpResponse:
    return answer(json_bytes({"schemas": [RESPONSE], "Operations": results}))


def _deactivates(operation: Any) -> bool:
    """Tell whether the operation deactivates a user, whatever else is wrong with it."""
    if not isinstance(operation, dict):
        return False
    method, path = operation.get("method"), operation.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        return False
    is_user = path.strip("/").startswith("Users/") and method.upper() in CHANGES
    return is_user and activity.says_inactive(method.upper(), operation.get("data"))


def _deactivate(request: ScimRequest, error: SCIMException, carry_out: CarryOut) -> HttpResponse:
    """Carry out what deactivates somebody of a request that is refused as a whole.

    As many operations are carried out as one request may hold; more would keep a process
    busy for minutes, and the answer says which ones to send again.

    :raises SCIMException: the error, if the request deactivates nobody.
    """
    operations = _operations(request.readable())
    if not any(map(_deactivates, operations)):
        raise error
    refused = refusal(error)
    request_log.remember_refusal(request, error, refused)
    told = {"status": str(refused.status_code), "response": json.loads(refused.content)}
    results: list[Json] = []
    left = MOST_OPERATIONS
    for one in operations:
        if not (left and _deactivates(one)):
            results.append({"method": one.get("method") if isinstance(one, dict) else None} | told)
            continue
        left -= 1
        operation = {"method": one["method"].upper(), "path": one["path"]}
        if operation["method"] != "DELETE":
            # Nothing else that it says is applied, for the request may mean anything.
            operation |= {"method": "PATCH", "data": DEACTIVATION}
        results.append(_one(request, operation, {}, carry_out) | {"method": one["method"]})
    return _answer(results)


def _operations(document: Any) -> list[Any]:
    given = document.get("Operations") if isinstance(document, dict) else None
    return given if isinstance(given, list) else []


def _read(document: Any) -> tuple[list[Json], int]:
    """Return the operations, and after how many errors to stop, 0 for never."""
    if not isinstance(document, dict) or not isinstance(document.get("Operations"), list):
        raise InvalidSyntaxException(detail="A bulk request needs a list of “Operations”.")
    operations = document["Operations"]
    if len(operations) > MOST_OPERATIONS:
        raise PayloadTooLargeException(
            detail=f"Send at most {MOST_OPERATIONS} operations in one bulk request."
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
    """Yield the operations' positions, what is referred to before what refers to it.

    Those that wait for each other in a circle come last, in the order they were sent.
    """
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


def _one(request: ScimRequest, operation: Json, known: dict[str, str], carry_out: CarryOut) -> Json:
    method, bulk_id = operation["method"].upper(), operation.get("bulkId")
    result: Json = {"method": method} | ({"bulkId": bulk_id} if bulk_id else {})
    path = _resolved(operation["path"], known).strip("/")
    part = request.part(method, path, _resolved(operation.get("data"), known))
    part.if_match = operation.get("version")
    response = carry_out(part)
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
        known[bulk_id] = result["location"].rpartition("/")[2]
    return result


def _resolved(value: Any, known: dict[str, str]) -> Any:
    """Replace bulkId references by ids; an unresolved reference stays and is refused later."""
    match value:
        case str() if REFERENCE in value:
            return "/".join(
                known.get(part.removeprefix(REFERENCE), part)
                if part.startswith(REFERENCE)
                else part
                for part in value.split("/")
            )
        case dict():
            return {name: _resolved(one, known) for name, one in value.items()}
        case list():
            return [_resolved(one, known) for one in value]
    return value
