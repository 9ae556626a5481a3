"""Values in the forms that providers send instead of the forms of RFC 7643.

Each function names the provider that needs it, the page that documents the form, and the
recorded requests that show it. `patch_operations` reads the forms of PATCH operations, and
`flat_keys` those of attribute names. All other modules handle canonical operations and plain
values, and responses follow the RFC.

Sources: MS-COMPAT is Microsoft's “Known issues with SCIM compliance”, MS-ROLES “Provisioning a
role to a SCIM app”, OKTA-20 Okta's SCIM 2.0 reference.
"""

import json
from collections.abc import Callable
from typing import Any

from scim2_models import SCIMException

from people.strict_json import MAX_DEPTH
from scim.rfc import notes, strict_json
from scim.rfc.attributes import ACTIVE, MANAGER, ROLES
from scim.rfc.schema import Attribute
from scim.rfc.strict_json import Json

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_ACTIVE_WORDS = {
    **dict.fromkeys(("active", "enabled", "yes", "y", "t", "on"), True),
    **dict.fromkeys(("inactive", "disabled", "no", "n", "f", "off"), False),
}


def member(sent: Json, name: str) -> Any:
    """Return a member by its name in any case. Microsoft's collection sends “operations”."""
    return next((value for key, value in sent.items() if key.lower() == name), None)


def unwrapped(value: Any, name: str) -> Any:
    """Return the only value of a list. SCIM-SDK's Java client sends each PATCH value in a list."""
    if not isinstance(value, list) or len(value) != 1:
        return value
    notes.understood(f"a list of one in {name} as its value", "SCIM-SDK")
    return value[0]


def text(value: Any) -> str | None:
    """Read a string, number or boolean as text, and return None for any other value.

    Databases and scripts send employee numbers, postal codes and phone numbers as numbers
    (authentik #15533, snipe-it #11094, idp-scim-sync #483).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def boolean(value: Any) -> bool | None:
    """Read a boolean, also from text or a number, and return None for any other value.

    Entra sends "False" and "True" by default, also in filters (MS-COMPAT, MS-ROLES;
    entra-disable-restore-delete, entra-app-roles). If "False" were refused, a person who has
    left could still sign in.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BOOLEANS.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def read_active(value: Any) -> bool | None:
    """Read `active` in any form that providers send, and return None for any other value.

    The forms are booleans and their text, 1 and 0, "1" and "0", words such as “inactive”, a
    list of one value, and an object with a `value`. Custom clients and attribute mappings send
    them. All are read, so that every deactivation takes effect.
    """
    for _ in range(MAX_DEPTH):
        if isinstance(value, list) and len(value) == 1:
            [value] = value
        elif isinstance(value, dict):
            value = member(value, "value")
    if isinstance(value, str):
        value = _ACTIVE_WORDS.get(value.strip().lower(), value)
    return boolean(value)


def as_elements(attribute: Attribute, value: Any) -> Any:
    """Return the elements of a multi-valued attribute, also if a single value was sent.

    A single value is read as a list of one, and a bare string as the `value` of an element:
    Entra sends "roles": "Admin" if an administrator adds `roles` as a String (RAMP-ENTRA-ROLES).
    """
    values = value if isinstance(value, list) else [value]
    if attribute.part("value") is None:
        return values
    if any(element and text(element) is not None for element in values):
        notes.understood(f"a bare value in {attribute.name} as its “value”", "Entra, Rippling")
    return [
        element if element == "" or (read := text(element)) is None else {"value": read}
        for element in values
    ]


def _active(value: Any) -> Any:
    read = read_active(value)
    if read is not None and not isinstance(value, bool):
        sent = json.dumps(value, ensure_ascii=False)[:100]
        notes.understood(f"{sent} in active as {str(read).lower()}", "Entra")
    return value if read is None else read


def _manager(value: Any) -> Any:
    """Read a manager as {"value": reference}, or None if there is none.

    The known forms are a bare string (MS-VALIDATOR; entra-manager) or number (authentik #15533),
    an object with further members (okta-oin-manager), SCIM 1.1's `managerId` (the templates of
    OneLogin and HelloID), a list of one, and only a `$ref` (an older Microsoft tutorial). "" and
    null remove the manager. Okta then still sends the `$ref` that it read before.
    """
    if isinstance(value, list):
        value = unwrapped(value, MANAGER.name) or None
    if text(value):
        notes.understood("a manager as text", "Entra")
    if isinstance(value, dict):
        members = {key.lower(): inner for key, inner in value.items()}
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
    """Read roles, also those whose value is a JSON document in a string.

    Entra's AppRoleAssignmentsComplex sends {"id": …, "value": "Admin", "displayName": …} as
    the text of each `value` (MS-ROLES).
    """
    return [_role(element) for element in as_elements(ROLES, value)]


def _role(element: Any) -> Any:
    if not isinstance(element, dict):
        return element
    document = member(element, "value")
    if not isinstance(document, str) or not document.lstrip().startswith("{"):
        return element
    try:
        role = strict_json.read_object(document.encode("utf-8", "replace"))
    except SCIMException:
        return element
    others = {key: value for key, value in element.items() if key.lower() != "value"}
    notes.understood("a role written as a JSON document", "Entra")
    return {"value": member(role, "value"), "display": member(role, "displayname"), **others}


# The attributes that have forms of their own.
FORMS: dict[Attribute, Callable[[Any], Any]] = {
    ACTIVE: _active,
    MANAGER: _manager,
    ROLES: _roles,
}
