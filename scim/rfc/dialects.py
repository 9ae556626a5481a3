"""Deviations of providers from the RFC, and how they are interpreted.

All leniency is in this module. Each rule names the client that needs it, its documentation, and the
trace that shows it. The functions return canonical operations and plain values. Responses follow
the RFC. Sources: MS-COMPAT is Microsoft's “Known issues with SCIM compliance”, MS-ROLES
“Provisioning a role to a SCIM app”, OKTA-20 Okta's SCIM 2.0 reference.
"""

import json
import re
from collections.abc import Callable, Iterator
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
    SCIMException,
)

from people.strict_json import MAX_DEPTH
from scim.rfc import notes, strict_json
from scim.rfc.attributes import ACTIVE, MANAGER, MEMBERS, ROLES, SCHEMAS
from scim.rfc.paths import Target, UnknownAttribute, resolve
from scim.rfc.schema import Attribute, ResourceType, Schema
from scim.rfc.strict_json import Json

Op = Literal["add", "remove", "replace"]

_PATH_BEGINS = re.compile(r"(?:(?i:urn):[^\[]*:)?[A-Za-z$][\w$-]*", re.ASCII)
_OPS: dict[str, Op] = {"add": "add", "remove": "remove", "replace": "replace"}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_ACTIVITIES = {
    **dict.fromkeys(("active", "enabled", "yes", "y", "t", "on"), True),
    **dict.fromkeys(("inactive", "disabled", "no", "n", "f", "off"), False),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of a PATCH, with a path, its names resolved."""

    op: Op
    target: Target
    value: Any = None
    has_value: bool = True


def operations(body: Any, resource: ResourceType) -> list[Operation]:
    """Return the operations of a PATCH body in canonical form (RFC 7644 section 3.5.2).

    A missing `schemas` is accepted, and an empty list of operations changes nothing (Entra's
    older validator sends one; GH:scimmy#59).

    :raises SCIMException: if the body is not a PATCH, or an operation has an invalid path or the
        path of a read-only attribute.
    """
    if not isinstance(body, dict):
        raise InvalidSyntaxException(detail="A PATCH must be a JSON object.")
    given = _member(body, "operations")
    if not isinstance(given, list):
        raise InvalidSyntaxException(detail="A PATCH needs a list of “Operations”.")
    told = (operation for one in given for operation in _canonical(one, resource))
    canonical = list(islice(told, resource.most_operations + 1))
    if len(canonical) > resource.most_operations:
        raise PayloadTooLargeException(
            detail=f"A PATCH of a {resource.name} may hold {resource.most_operations} operations."
        )
    return canonical


def _canonical(given: Any, resource: ResourceType) -> Iterator[Operation]:
    if not isinstance(given, dict):
        raise InvalidSyntaxException(detail="Each of the “Operations” must be a JSON object.")
    members = {name.lower(): value for name, value in given.items()}
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
    """Return the target of the path, or None if Ramp ignores it.

    Administrators map all kinds of attributes of their directory, and an unknown one must not
    prevent the others (fleet #44822, kortix #7302).

    :raises InvalidPathException: if the path is invalid, and begins with an attribute that Ramp
        uses.
    """
    if isinstance(value, dict) and (foreign := resource.foreign_extension(path)):
        notes.foreign_extension(path)
        return Target(path, foreign)
    try:
        target = resolve(path, resource, takes_any_extension=True)
    except UnknownAttribute:
        notes.passed_over(path, "unknown")
        return None
    except InvalidPathException:
        if _begins_with_used(path, resource):
            raise
        notes.passed_over(path, "not a path")
        return None
    _note_place(target)
    return target


def _note_place(target: Target) -> None:
    """Note how the path of a target differs from the path in the RFC."""
    schema, attribute, path = target.schema, target.attribute, target.text
    if schema is not None and schema.is_foreign:
        notes.foreign_extension(path)
    elif attribute is not None:
        is_elsewhere = schema is not None and not path.lower().startswith("urn:")
        if is_elsewhere or not attribute.is_published:
            notes.at_the_top(path)
        for one in (attribute, target.part):
            if one is not None and one.name not in path:
                notes.spelled(path, one.name)


def _begins_with_used(path: str, resource: ResourceType) -> bool:
    known = _PATH_BEGINS.match(path)
    try:
        target = resolve(known[0], resource) if known else None
    except InvalidPathException:
        return False
    return target is not None and target.attribute is not None and target.attribute.matters


def _op(given: Any) -> Op:
    """Accept `op` in any case: Entra sends “Add”, “Replace”, “Remove” (MS-COMPAT; all Entra)."""
    op = _OPS.get(given.lower()) if isinstance(given, str) else None
    if op is None:
        raise InvalidSyntaxException(detail="The “op” must be add, remove or replace.")
    if op != given:
        notes.understood(f"“{given}” as “{op}”", "Entra")
    return op


def _is_kept(target: Target) -> bool:
    """Tell whether the operation changes an attribute that Ramp stores.

    Password changes are accepted and ignored (OKTA-20; okta-oin-lifecycle). `schemas` is computed
    from the attributes of the resource.

    :raises MutabilityException: if the attribute is read-only.
    """
    if target.attribute is SCHEMAS:
        return False
    if target.attribute is MANAGER and target.part and not target.part.is_written:
        # Okta's usual mapping has manager.displayName.
        notes.passed_over(target.text, "read-only")
        return False
    if any(one and one.mutability == "readOnly" for one in (target.attribute, target.part)):
        raise MutabilityException(
            attribute=target.text, detail=f"“{target.text[:200]}” is read-only; leave it out."
        )
    return is_written(target)


def is_written(target: Target) -> bool:
    return all(one.is_written for one in (target.attribute, target.part) if one is not None)


def _without_path(op: Op, value: Any, resource: ResourceType) -> Iterator[Operation]:
    """Read an operation without a path, whose value is a part of the resource.

    Okta activates, deactivates and renames like this (OKTA-20; okta-oin-lifecycle,
    okta-oin-groups), and authentik sends whole groups (authentik-sync). All of them repeat `id`,
    `schemas` and similar attributes, which are ignored as in a PUT.
    """
    if op == "remove":
        raise NoTargetException(detail="A remove operation needs a “path”.")
    value = unwrapped(value, "an operation without a path")
    if not isinstance(value, dict):
        raise InvalidValueException(
            detail="An operation without “path” needs an object of attributes as its “value”."
        )
    notes.understood("an operation without a path as one for each attribute", "Okta, authentik")
    for key, one in value.items():
        yield from _keyed(op, key, one, resource)


def _keyed(op: Op, key: str, value: Any, resource: ResourceType) -> Iterator[Operation]:
    """Read one member of the value of an operation without a path. Its key may be a path.

    Entra with the flag `aadOptscim062020` sends "name.givenName" and "urn:…:User:department"
    (MS-COMPAT; entra-flag-update, extension-location). Unknown names and schemas are ignored as in
    a POST.

    :raises InvalidPathException: as `_target`.
    """
    target = _target(key.strip(), value, resource)
    if target is None:
        return
    if target.attribute is not None and not key.isalpha():
        notes.understood(f"“{key}” as a path", "Entra")
    if target.attribute is None:
        yield from _whole_schema(op, target, value, resource)
    # Okta renames a group with "members": null and does not mean that it is empty.
    elif is_written(target) and not (target.attribute is MEMBERS and value is None):
        yield Operation(op, target, value)


def _whole_schema(
    op: Op, target: Target, value: Any, resource: ResourceType
) -> Iterator[Operation]:
    """Read an operation on a schema as one operation on each attribute in its value."""
    schema = target.schema
    assert schema is not None
    value = unwrapped(value, target.text)
    if schema is resource.core:
        notes.understood("attributes below the URN of the core schema", "generic SCIM clients")
        yield from _without_path(op, value, resource)
    elif op == "remove" or (op == "replace" and value in (None, "", [])):
        yield Operation("remove", target)
    elif isinstance(value, dict):
        yield from _members_of(op, schema, value)
    elif value not in (None, "", []):
        notes.passed_over(target.text, "not an object")


def _members_of(op: Op, schema: Schema, value: Json) -> Iterator[Operation]:
    for key, one in value.items():
        attribute = schema.attribute(key)
        if attribute is None:
            notes.passed_over(f"{schema.urn}:{key}", "unknown")
        elif attribute.is_written:
            yield Operation(op, Target(f"{schema.urn}:{key}", schema, attribute), one)


def _member(given: Json, name: str) -> Any:
    """Find a member in any case: Microsoft's collection sends “operations” (MS-POSTMAN)."""
    return next((value for key, value in given.items() if key.lower() == name), None)


def unwrapped(value: Any, name: str) -> Any:
    """Return the only value of a list: SCIM-SDK for Java sends each value of a PATCH in a list."""
    if not isinstance(value, list) or len(value) != 1:
        return value
    notes.understood(f"a list of one in {name} as its value", "SCIM-SDK")
    return value[0]


def text(value: Any) -> str | None:
    """Return text that may be sent as a number or a boolean; None for any other value.

    Databases and scripts send employee numbers, postal codes and phone numbers as numbers
    (authentik #15533, snipe-it #11094, idp-scim-sync #483).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def boolean(value: Any) -> bool | None:
    """Return a boolean that may be sent as text or a number; None for any other value.

    By default, Entra sends "False" and "True" (MS-COMPAT; entra-disable-restore-delete), also in
    filters (MS-ROLES; entra-app-roles). If Ramp did not read them, people who left could still sign
    in.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BOOLEANS.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def activity(value: Any) -> bool | None:
    """Return the boolean of `active` in any form that providers send; None for any other value.

    Besides booleans and their text, these are 1 and 0, "1" and "0", words such as “inactive”, a
    list with one value, and an object with a `value`. Custom clients and attribute mappings send
    them, and a person who left must be deactivated by each form.
    """
    for _ in range(MAX_DEPTH):
        if isinstance(value, list) and len(value) == 1:
            [value] = value
        elif isinstance(value, dict):
            value = _member(value, "value")
    if isinstance(value, str):
        value = _ACTIVITIES.get(value.strip().lower(), value)
    return boolean(value)


def _active(value: Any) -> Any:
    read = activity(value)
    if read is not None and not isinstance(value, bool):
        told = json.dumps(value, ensure_ascii=False)[:100]
        notes.understood(f"{told} in active as {str(read).lower()}", "Entra")
    return value if read is None else read


def listed(attribute: Attribute, value: Any) -> Any:
    """Return the values of a multi-valued attribute as a list of objects.

    A single value becomes a list, and a string becomes an object with this `value`: if an Entra
    administrator adds `roles` with the type String, Entra sends "roles": "Admin"
    (RAMP-ENTRA-ROLES).
    """
    values = value if isinstance(value, list) else [value]
    if attribute.part("value") is None:
        return values
    if any(one and text(one) is not None for one in values):
        notes.understood(f"a bare value in {attribute.name} as its “value”", "Entra, Rippling")
    return [one if one == "" or (said := text(one)) is None else {"value": said} for one in values]


def _manager(value: Any) -> Any:
    """Return a manager as {"value": identifier}, from every form that providers send.

    These are a string (MS-VALIDATOR; entra-manager) or a number (authentik #15533), an object with
    more attributes (okta-oin-manager), SCIM 1.1's `managerId` (OneLogin's and HelloID's templates),
    a list with one value, or only a `$ref` (an older Microsoft tutorial). "" and null remove the
    manager, also if the earlier `$ref` is sent as well: Okta sends back the `$ref` that it read.
    """
    if isinstance(value, list):
        value = unwrapped(value, MANAGER.name) or None
    if text(value):
        notes.understood("a manager as text", "Entra")
    if isinstance(value, dict):
        members = {key.lower(): one for key, one in value.items()}
        reference = members.get("$ref")
        value = members.get("value", members.get("managerid"))
        if "managerid" in members:
            notes.understood("manager.managerId as manager.value", "OneLogin, HelloID")
        if not {"value", "managerid"} & members.keys() and isinstance(reference, str):
            value = reference.rstrip("/").rpartition("/")[2]
            notes.understood("the $ref of a manager as the manager", "Entra")
    if value is None or value == "":
        return None
    return {"value": value}


def _roles(value: Any) -> Any:
    """Return roles, also if their `value` is a JSON object in a string.

    Entra's AppRoleAssignmentsComplex sends {"id": …, "value": "Admin", "displayName": …} as
    the string of each `value` (MS-ROLES).
    """
    return [_role(one) for one in listed(ROLES, value)]


def _role(element: Any) -> Any:
    if not isinstance(element, dict):
        return element
    text = _member(element, "value")
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return element
    try:
        role = strict_json.read_object(text.encode("utf-8", "replace"))
    except SCIMException:
        return element
    others = {key: one for key, one in element.items() if key.lower() != "value"}
    notes.understood("a role written as a JSON document", "Entra")
    said = {"value": _member(role, "value"), "display": _member(role, "displayname")}
    return {**said, **others}


FORMS: dict[Attribute, Callable[[Any], Any]] = {
    ACTIVE: _active,
    MANAGER: _manager,
    ROLES: _roles,
}
