"""Read the operations of a PATCH body (RFC 7644 section 3.5.2) in canonical form.

Every form of an operation that a provider is known to send becomes one or several `Operation`s,
each with a resolved path. `patch` applies them. The sources that docstrings cite are those of
`dialects`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from scim2_models import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    MutabilityException,
    NoTargetException,
    PayloadTooLargeException,
)

from scim.rfc import notes
from scim.rfc.attributes import MANAGER, MEMBERS, SCHEMAS
from scim.rfc.dialects import member, unwrapped
from scim.rfc.paths import Target, UnknownAttribute, resolve
from scim.rfc.schema import ResourceType

Op = Literal["add", "remove", "replace"]

_FIRST_NAME = re.compile(r"(?:(?i:urn):[^\[]*:)?[A-Za-z$][\w$-]*", re.ASCII)
_OPS: dict[str, Op] = {"add": "add", "remove": "remove", "replace": "replace"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a PATCH. It has a path, whose names are resolved."""

    op: Op
    target: Target
    value: Any = None
    has_value: bool = True


def read_operations(body: Any, resource: ResourceType) -> list[Operation]:
    """Return the operations of a PATCH body in canonical form (RFC 7644 section 3.5.2).

    A missing `schemas` is accepted. An empty list of operations changes nothing (Entra's older
    validator sends one; GH:scimmy#59).

    :raises SCIMException: if the body is not a PATCH, or an operation has an invalid path or
        changes a read-only attribute.
    """
    if not isinstance(body, dict):
        raise InvalidSyntaxException(detail="A PATCH must be a JSON object.")
    sent = member(body, "operations")
    if not isinstance(sent, list):
        raise InvalidSyntaxException(detail="A PATCH needs a list of “Operations”.")
    canonical = (operation for item in sent for operation in _canonical(item, resource))
    operations = list(islice(canonical, resource.most_operations + 1))
    if len(operations) > resource.most_operations:
        raise PayloadTooLargeException(
            detail=f"A PATCH of a {resource.name} may hold {resource.most_operations} operations."
        )
    return operations


def is_written(target: Target) -> bool:
    """Tell whether a client may change the attribute and the sub-attribute of the target."""
    named = (target.attribute, target.part)
    return all(attribute.is_written for attribute in named if attribute is not None)


def _canonical(sent: Any, resource: ResourceType) -> Iterator[Operation]:
    if not isinstance(sent, dict):
        raise InvalidSyntaxException(detail="Each of the “Operations” must be a JSON object.")
    members = {name.lower(): value for name, value in sent.items()}
    op, path, value = _op(members.get("op")), members.get("path"), members.get("value")
    if path is None or path == "":
        yield from _without_path(op, value, resource)
        return
    if not isinstance(path, str):
        raise InvalidSyntaxException(detail="The “path” of an operation must be a string.")
    target = _target(path.strip(), value, resource)
    if target is None:
        return
    if target.attribute is None:
        yield from _whole_schema(op, target, value, resource)
    elif _is_kept(target):
        yield Operation(op, target, value, has_value="value" in members)


def _target(path: str, value: Any, resource: ResourceType) -> Target | None:
    """Resolve the path, or return None if Ramp neither uses nor stores its attribute.

    Administrators map any attribute of their directory. An unknown attribute must not make the
    other operations fail (fleet #44822, kortix #7302).

    :raises InvalidPathException: if the path is invalid and begins with an attribute that Ramp
        uses.
    """
    if isinstance(value, dict) and (foreign := resource.foreign_extension(path)):
        notes.foreign_extension(path)
        return Target(path, foreign)
    try:
        target = resolve(path, resource, takes_any_extension=True)
    except UnknownAttribute:
        notes.ignored(path, "unknown")
        return None
    except InvalidPathException:
        if _begins_with_used(path, resource):
            raise
        notes.ignored(path, "not a path")
        return None
    _note_path(target)
    return target


def _note_path(target: Target) -> None:
    """Note how the path of the target differs from the path in the RFC."""
    schema, attribute, path = target.schema, target.attribute, target.text
    if schema is not None and schema.is_foreign:
        notes.foreign_extension(path)
    elif attribute is not None:
        is_misplaced = schema is not None and not path.lower().startswith("urn:")
        if is_misplaced or not attribute.is_published:
            notes.at_the_top(path)
        for named in (attribute, target.part):
            if named is not None and named.name not in path:
                notes.spelled(path, named.name)


def _begins_with_used(path: str, resource: ResourceType) -> bool:
    first = _FIRST_NAME.match(path)
    try:
        target = resolve(first[0], resource) if first else None
    except InvalidPathException:
        return False
    return target is not None and target.attribute is not None and target.attribute.matters


def _op(sent: Any) -> Op:
    """Read `op` in any case: Entra sends “Add”, “Replace” and “Remove” (MS-COMPAT; all Entra)."""
    op = _OPS.get(sent.lower()) if isinstance(sent, str) else None
    if op is None:
        raise InvalidSyntaxException(detail="The “op” must be add, remove or replace.")
    if op != sent:
        notes.understood(f"“{sent}” as “{op}”", "Entra")
    return op


def _is_kept(target: Target) -> bool:
    """Tell whether Ramp stores the value of the operation.

    Passwords are accepted and not stored (OKTA-20; okta-oin-lifecycle). `schemas` is computed
    from the extensions of the resource.

    :raises MutabilityException: if the attribute is read-only.
    """
    if target.attribute is SCHEMAS:
        return False
    if target.attribute is MANAGER and target.part and not target.part.is_written:
        # Okta's default mapping contains manager.displayName.
        notes.ignored(target.text, "read-only")
        return False
    named = (target.attribute, target.part)
    if any(attribute and attribute.mutability == "readOnly" for attribute in named):
        raise MutabilityException(
            attribute=target.text, detail=f"“{target.text[:200]}” is read-only; leave it out."
        )
    return is_written(target)


def _without_path(op: Op, value: Any, resource: ResourceType) -> Iterator[Operation]:
    """Read an operation without a path, whose value is an object of attributes.

    Okta deactivates, reactivates and renames with such operations (OKTA-20; okta-oin-lifecycle,
    okta-oin-groups), and authentik sends whole groups (authentik-sync). They repeat `id`,
    `schemas` and other read-only attributes, which are ignored as in a PUT.
    """
    if op == "remove":
        raise NoTargetException(detail="A remove operation needs a “path”.")
    value = unwrapped(value, "an operation without a path")
    if not isinstance(value, dict):
        raise InvalidValueException(
            detail="An operation without “path” needs an object of attributes as its “value”."
        )
    notes.understood("an operation without a path as one for each attribute", "Okta, authentik")
    for key, inner in value.items():
        yield from _keyed(op, key, inner, resource)


def _keyed(op: Op, key: str, value: Any, resource: ResourceType) -> Iterator[Operation]:
    """Read one member of the value of an operation without a path. Its name may be a path.

    Entra sends "name.givenName" and "urn:…:User:department" as names (MS-COMPAT;
    entra-flag-update, extension-location). Unknown attributes and schemas are ignored as in a
    POST.

    :raises InvalidPathException: as `_target`.
    """
    target = _target(key.strip(), value, resource)
    if target is None:
        return
    if target.attribute is not None and not key.isalpha():
        notes.understood(f"“{key}” as a path", "Entra")
    if target.attribute is None:
        yield from _whole_schema(op, target, value, resource)
    # Okta sends "members": null when it renames a group. The members stay.
    elif is_written(target) and not (target.attribute is MEMBERS and value is None):
        yield Operation(op, target, value)


def _whole_schema(
    op: Op, target: Target, value: Any, resource: ResourceType
) -> Iterator[Operation]:
    """Read an operation on a schema as one operation on each attribute of its value."""
    schema = target.schema
    assert schema is not None
    value = unwrapped(value, target.text)
    if schema is resource.core:
        notes.understood("attributes below the URN of the core schema", "generic SCIM clients")
        yield from _without_path(op, value, resource)
    elif op == "remove" or (op == "replace" and value in (None, "", [])):
        yield Operation("remove", target)
    elif isinstance(value, dict):
        for key, inner in value.items():
            attribute = schema.attribute(key)
            if attribute is None:
                notes.ignored(f"{schema.urn}:{key}", "unknown")
            elif attribute.is_written:
                yield Operation(op, Target(f"{schema.urn}:{key}", schema, attribute), inner)
    elif value not in (None, "", []):
        notes.ignored(target.text, "not an object")
