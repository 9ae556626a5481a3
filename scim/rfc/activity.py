"""Whether a request says that a user is no longer active.

This reads the JSON as it was sent and nothing else of it, so that whatever is wrong with the
rest of a request cannot hide that somebody has left (docs/scim.md, “Leavers first”).
"""

from collections.abc import Iterator
from typing import Any

from scim.rfc import dialects
from scim.rfc.attributes import ACTIVE, USER
from scim.rfc.strict_json import Json

CORE = USER.core.urns
NAMES = frozenset([ACTIVE.name, *(f"{urn}:{ACTIVE.name}" for urn in CORE)])


def is_active(name: str) -> bool:
    """Tell whether the name or path means the attribute `active`."""
    return name.strip().lower() in NAMES


def is_core(name: str) -> bool:
    """Tell whether the name is the URN of the core schema, below which attributes may stand."""
    return name.strip().lower() in CORE


def says_inactive(method: str, body: Any) -> bool:
    """Tell whether the request, in any form that can be read, says that the user is inactive.

    Of several operations of a PATCH the last one that says anything about it counts.
    """
    if method == "DELETE":
        return True
    if not isinstance(body, dict):
        return False
    given = [*operations_of(body)] if method == "PATCH" else []
    if not given:
        return _said_in_object(body) is False
    said = [said for one in given if (said := _said_in_operation(one)) is not None]
    return said[-1:] == [False]


def operations_of(body: Json) -> Iterator[Json]:
    """Yield the operations of a PATCH that are objects, the names of their members lowered."""
    found = (value for name, value in body.items() if name.strip().lower() == "operations")
    given: Any = next(found, [])
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            yield {name.strip().lower(): value for name, value in one.items()}


def _said_in_operation(operation: Json) -> bool | None:
    op, path, value = (operation.get(name) for name in ("op", "path", "value"))
    if op is not None and str(op).strip().lower() not in {"add", "replace"}:
        return None
    if isinstance(path, str) and is_active(path):
        return dialects.activity(value)
    is_whole = path in (None, "") or (isinstance(path, str) and is_core(path))
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    return _said_in_object(value) if is_whole and isinstance(value, dict) else None


def _said_in_object(sent: Json) -> bool | None:
    """Return what the object says; where it says both, the user is inactive."""
    inner = (value for name, value in sent.items() if is_core(name) and isinstance(value, dict))
    members = [member for one in (sent, *inner) for member in one.items()]
    said = {dialects.activity(value) for name, value in members if is_active(name)}
    return next((one for one in (False, True) if one in said), None)
