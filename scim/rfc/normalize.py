"""From what a provider sent to the document that we keep and answer.

Names get their canonical spelling at every depth; read-only and write-only attributes and
those we do not know are left out; null, "" and [] mean unassigned (RFC 7643 section 2.5).
What remains is kept whole and in the place where it was sent, so that a provider that
compares our answer with its own copy finds no difference and does not send it again in
every cycle. Three forms are the exception, because the RFC, and so every reader, knows the
attribute as an object or a list: a `manager` that is a bare string or stands at the top, a
lone value of a multi-valued attribute, and a bare string in one (see `dialects`).
"""

import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.rfc import dialects
from scim.rfc.attributes import ACTIVE, EMAIL, ENTERPRISE, MANAGER, MEMBERS, ROLES
from scim.rfc.schema import Attribute, Kind, ResourceType, Schema
from scim.rfc.strict_json import Json

MOST_VALUES = 200
MOST_CUSTOM_FIELDS = 100

_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]+@[\w](?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*"
)
# An element that has nothing but these says nothing: Entra's validator empties an e-mail by
# replacing its `value`, and then wants to read no e-mail (MS-VALIDATOR, null update).
_LABELS = {"type", "primary"}


def normalize(sent: Any, resource: ResourceType, known: Json | None = None) -> Json:
    """Return the document that a POST or PUT body stands for.

    Members of a group are left out; `group_members.said` tells them. What it has in common with
    a known document that is canonical already is taken as it is, and not read again.

    :raises InvalidSyntaxException: if it is not an object, or names an attribute twice.
    :raises InvalidValueException: if a value is not what its attribute takes.
    """
    if not isinstance(sent, dict):
        raise InvalidSyntaxException(detail=f"A {resource.name} must be a JSON object.")
    document: Json = {"schemas": []}
    strays: Json = {}
    for name, value in sent.items():
        if known and name in known and value == known[name]:
            document[name] = value
            continue
        attribute = resource.attribute(name)
        if attribute is not None:
            if attribute is not MEMBERS:
                _put(document, attribute, value)
        elif (schema := resource.extension(name)) is not None:
            _put_extension(document, schema, value)
        else:
            strays[name.lower()] = value
    _put_elsewhere(document, strays, resource)
    _check_required(document, resource)
    extensions = [schema.urn for schema in resource.extensions if schema.urn in document]
    document["schemas"] = [resource.core.urn, *extensions]
    return document


def replacement(sent: Any, stored: Json, resource: ResourceType) -> Json:
    """Return the document that a PUT makes of the stored one.

    What the body does not mention is gone, but not `active` and `roles`: Okta leaves them
    out, meaning that they stay as they are (OKTA-20, RAMP-OKTA-ROLES;
    okta-oin-location-and-role).

    :raises InvalidSyntaxException: as `normalize`.
    :raises InvalidValueException: as `normalize`.
    """
    document = normalize(sent, resource)
    mentioned = {name.lower() for name, value in sent.items() if value is not None}
    for attribute in (ACTIVE, ROLES):
        if attribute.name in stored and attribute.name.lower() not in mentioned:
            document[attribute.name] = stored[attribute.name]
    return keep_manager_link(stored, document)


def manager_of(document: Json) -> str:
    """Return the manager as the provider names them, or nothing."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("value", ""))


def link_manager(document: Json, scim_id: str | None) -> None:
    """Note who the manager is, so that the answer can point at them.

    The link is relative, `serialize` puts the base URL before it. `normalize` and `patch`
    keep it while the manager stays the same and drop it otherwise.
    """
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name)
    if manager is not None:
        manager.pop("$ref", None)
        if scim_id is not None:
            manager["$ref"] = f"/Users/{scim_id}"


def manager_link(document: Json) -> str:
    """Return the SCIM id of the resolved manager, or nothing."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("$ref", "")).rpartition("/")[2]


def keep_manager_link(before: Json, after: Json) -> Json:
    reference = before.get(ENTERPRISE.urn, {}).get(MANAGER.name, {}).get("$ref")
    if reference is not None and manager_of(before) == manager_of(after):
        after[ENTERPRISE.urn][MANAGER.name]["$ref"] = reference
    return after


def value_of(attribute: Attribute, value: Any, owner: str = "") -> Any:
    """Return the canonical form of an attribute's value, None if that is unassigned.

    :raises InvalidValueException: if the attribute does not take it.
    """
    if value is None or value == "":
        return None
    if attribute.is_text:
        return _text(attribute, value, owner)
    form = dialects.FORMS.get(attribute)
    if form is not None:
        value = form(value)
    if value is None or value in ([], {}):
        return None
    if attribute.multiple:
        return _elements(attribute, value)
    return _READERS[attribute.kind](attribute, value, owner)


def spelling(home: Json, attribute: Attribute) -> str:
    """Return the name under which the object holds the attribute, or would.

    Only custom fields are kept as they were first spelled, for nobody knows them better.
    """
    if attribute.is_custom:
        wanted = attribute.name.lower()
        return next((name for name in home if name.lower() == wanted), attribute.name)
    return attribute.name


def looks_like_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def _put(document: Json, attribute: Attribute, value: Any) -> None:
    if not attribute.is_written:
        return
    read = value_of(attribute, value)
    if read is None:
        return
    if spelling(document, attribute) in document:
        raise InvalidSyntaxException(detail=f"“{attribute.name}” is sent twice.")
    document[attribute.name] = read


def _put_extension(document: Json, schema: Schema, value: Any) -> None:
    if value is None or value == "":
        return
    if not isinstance(value, dict):
        raise InvalidValueException(detail=f"“{schema.urn}” must be an object.")
    held = document.get(schema.urn, {})
    for name, one in value.items():
        attribute = schema.attribute(name)
        if attribute is not None:
            _put(held, attribute, one)
        if len(held) > MOST_CUSTOM_FIELDS:
            raise InvalidValueException(
                detail=f"A person may have {MOST_CUSTOM_FIELDS} custom fields at most."
            )
    if held:
        document[schema.urn] = held


def _put_elsewhere(document: Json, strays: Json, resource: ResourceType) -> None:
    """Put what stands at the top into its extension, unless the extension says it too."""
    for name, (schema, attribute) in resource.elsewhere.items():
        read = value_of(attribute, strays.get(name))
        if read is not None:
            document.setdefault(schema.urn, {}).setdefault(attribute.name, read)


def _check_required(document: Json, resource: ResourceType) -> None:
    for attribute in resource.required:
        if not document.get(attribute.name, "").strip():
            raise InvalidValueException(
                attribute=attribute.name, detail=f"“{attribute.name}” is required."
            )


def one_element(attribute: Attribute, value: Any) -> Json:
    """Return the canonical form of what must be one element of a multi-valued attribute.

    :raises InvalidValueException: if it is not.
    """
    form = dialects.FORMS.get(attribute)
    given = dialects.listed(attribute, form(value) if form else value)
    if len(given) != 1:
        raise _wrong(attribute, "", "must have exactly one value here")
    return _object(attribute, given[0], "")


def _elements(attribute: Attribute, value: Any) -> list[Json] | None:
    given = dialects.listed(attribute, value)
    if len(given) > MOST_VALUES and attribute is not MEMBERS:
        raise _wrong(attribute, "", f"may have {MOST_VALUES} values at most")
    elements = [_object(attribute, one, "") for one in given if one not in (None, "", {})]
    elements = [element for element in elements if element.keys() - _LABELS]
    if sum(element.get("primary") is True for element in elements) > 1:
        raise _wrong(attribute, "", "may have only one primary value")
    return elements or None


def _object(attribute: Attribute, value: Any, owner: str) -> Json:
    if not isinstance(value, dict):
        raise _wrong(attribute, owner, f"must be {_AS_TOLD['complex']}")
    held: Json = {}
    for name, one in value.items():
        part = attribute.part(name)
        if part is None or not part.is_written:
            continue
        read = value_of(part, one, attribute.name)
        if read is None:
            continue
        if part.name in held:
            raise InvalidSyntaxException(detail=f"“{attribute.name}.{part.name}” is sent twice.")
        held[part.name] = read
    return held


def _complex(attribute: Attribute, value: Any, owner: str) -> Json | None:
    return _object(attribute, value, owner) or None


def _text(attribute: Attribute, value: Any, owner: str) -> str | None:
    if attribute.is_custom and isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        if value in ([], {}):
            return None
        raise _wrong(attribute, owner, f"must be {_AS_TOLD[attribute.kind]}")
    if len(value) > attribute.longest:
        raise _wrong(attribute, owner, f"may be {attribute.longest} characters long at most")
    if attribute is EMAIL and not looks_like_address(value):
        raise InvalidValueException(
            attribute="emails.value", detail=f"“{value}” in emails is not an email address."
        )
    return value


def _binary(attribute: Attribute, value: Any, owner: str) -> str | None:
    text = _text(attribute, value, owner)
    try:
        binascii.a2b_base64("".join((text or "").split()), strict_mode=True)
    except ValueError as error:
        raise _wrong(attribute, owner, "must be base64") from error
    return text


def _boolean(attribute: Attribute, value: Any, owner: str) -> bool:
    read = dialects.boolean(value)
    if read is None:
        raise _wrong(attribute, owner, f"must be {_AS_TOLD['boolean']}")
    return read


def _wrong(attribute: Attribute, owner: str, expected: str) -> InvalidValueException:
    name = f"{owner}.{attribute.name}" if owner else attribute.name
    return InvalidValueException(attribute=name, detail=f"“{name}” {expected}.")


_AS_TOLD: Mapping[Kind, str] = {
    "string": "a string",
    "reference": "a string",
    "dateTime": "a string",
    "binary": "a string in base64",
    "boolean": "true or false",
    "complex": "an object",
}
_READERS: Mapping[Kind, Callable[[Attribute, Any, str], Any]] = {
    "string": _text,
    "reference": _text,
    "dateTime": _text,
    "binary": _binary,
    "boolean": _boolean,
    "complex": _complex,
}
