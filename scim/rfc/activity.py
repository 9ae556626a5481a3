"""Tell whether a request deactivates a user, even if the rest of it is not valid.

This reads the JSON as it was sent. So an error elsewhere in the request cannot hide that somebody
has left (docs/scim.md, “Leavers first”).
"""

from collections.abc import Iterator
from typing import Any

from scim.rfc import dialects
from scim.rfc.attributes import ACTIVE
from scim.rfc.resource_types import USER
from scim.rfc.strict_json import Json

CORE = USER.core.urns
NAMES = frozenset([ACTIVE.name, *(f"{urn}:{ACTIVE.name}" for urn in CORE)])


def is_active(name: str) -> bool:
    """Tell whether the name or path means the attribute `active`."""
    return name.strip().lower() in NAMES


def is_core(name: str) -> bool:
    """Tell whether the name is the URN of the core schema, which may contain attributes."""
    return name.strip().lower() in CORE


def says_inactive(method: str, body: Any) -> bool:
    """Tell whether the request sets `active` to false, in any form that providers send.

    If several operations of a PATCH set it, the last one counts. DELETE deactivates too.
    """
    if method == "DELETE":
        return True
    if not isinstance(body, dict):
        return False
    operations = [*operations_of(body)] if method == "PATCH" else []
    if not operations:
        return _active_in_object(body) is False
    values = [_active_in_operation(operation) for operation in operations]
    return [value for value in values if value is not None][-1:] == [False]


def operations_of(body: Json) -> Iterator[Json]:
    """Yield the operations of a PATCH that are objects, with their names in lower case."""
    found = (value for name, value in body.items() if name.strip().lower() == "operations")
    sent: Any = next(found, [])
    for operation in sent if isinstance(sent, list) else [sent]:
        if isinstance(operation, dict):
            yield {name.strip().lower(): value for name, value in operation.items()}


def _active_in_operation(operation: Json) -> bool | None:
    op, path, value = (operation.get(name) for name in ("op", "path", "value"))
    if op is not None and str(op).strip().lower() not in {"add", "replace"}:
        return None
    if isinstance(path, str) and is_active(path):
        return dialects.read_active(value)
    is_whole = path in (None, "") or (isinstance(path, str) and is_core(path))
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    return _active_in_object(value) if is_whole and isinstance(value, dict) else None


def _active_in_object(sent: Json) -> bool | None:
    """Return the value of `active`, False if the object has it twice with different values."""
    inner = (value for name, value in sent.items() if is_core(name) and isinstance(value, dict))
    members = [member for one in (sent, *inner) for member in one.items()]
    found = {dialects.read_active(value) for name, value in members if is_active(name)}
    return next((one for one in (False, True) if one in found), None)
