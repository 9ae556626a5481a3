"""Convert a sent value to the type of its attribute (RFC 7643 section 2.3).

Scalars are coerced, the only value of a list is taken for a single-valued attribute, and blanks
around identifiers are trimmed. `value_of` raises an error for any other invalid value.
`value_or_none` raises it only for attributes that Ramp uses, and ignores other invalid values.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.rfc import dialects, notes
from scim.rfc.attributes import EMAIL, MANAGER, MEMBERS, PRIMARY, ROLES, USER_NAME
from scim.rfc.paths import part_of
from scim.rfc.schema import Attribute, Kind
from scim.rfc.strict_json import Json

MAX_VALUES = 200

# An element with only these parts is dropped: Entra's validator replaces the `value` of an email
# by null, and expects to read no email afterwards (MS-VALIDATOR, null update).
_LABELS = {"type", "primary"}
# People are looked up by these values, and HR exports and spreadsheets add blanks to them.
_TRIMMED = (USER_NAME, EMAIL, MANAGER.part("value"))
# Invisible characters that surround an address copied from a web page.
_INVISIBLE = "\u200b\u2060\ufeff"
_PEM = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")


def value_of(attribute: Attribute, value: Any, owner: str = "") -> Any:
    """Return the canonical form of an attribute's value, or None if it is unassigned.

    Null, "" and [] mean unassigned (RFC 7643 section 2.5).

    :raises InvalidValueException: if the value is invalid for the attribute.
    :raises InvalidSyntaxException: if it contains a sub-attribute twice that Ramp uses.
    """
    if not attribute.multiple:
        value = dialects.unwrapped(value, attribute.name)
    if value is None:
        return None
    if value == "":
        notes.understood(f"an empty text in {attribute.name} as no value", "Entra, Okta, OneLogin")
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


def value_or_none(attribute: Attribute, value: Any, owner: str = "") -> Any:
    """Return the result of `value_of`, or None for an invalid value that Ramp does not use.

    :raises InvalidValueException: as `value_of`, if Ramp uses the attribute.
    :raises InvalidSyntaxException: as `value_of`.
    """
    try:
        return value_of(attribute, value, owner)
    except InvalidValueException as error:
        if attribute.is_used:
            raise
        note_ignored(error)
        return None


def note_ignored(error: InvalidValueException) -> None:
    """Note that the value which caused the error is ignored."""
    name = str(error.attribute or "a value")
    reason = str(error.detail).removeprefix(f"“{name}” ").rstrip(".")
    notes.ignored(name, reason)


def stored_name(container: Json, attribute: Attribute) -> str:
    """Return the name under which the object stores the attribute.

    For a custom field, this is the name in the case in which it was first sent.
    """
    if attribute.is_custom:
        wanted = attribute.name.lower()
        return next((name for name in container if name.lower() == wanted), attribute.name)
    return attribute.name


def one_element(attribute: Attribute, value: Any) -> Json:
    """Return the canonical form of the only element of a multi-valued attribute.

    :raises InvalidValueException: if the value is not exactly one valid element.
    """
    form = dialects.FORMS.get(attribute)
    sent = dialects.as_elements(attribute, form(value) if form else value)
    if len(sent) != 1:
        raise _invalid(attribute, "", "must have exactly one value here")
    return _object(attribute, sent[0], "")


def _elements(attribute: Attribute, value: Any) -> list[Json] | None:
    if not isinstance(value, list):
        notes.understood(f"a single value of {attribute.name} as a list", "Entra, OneLogin")
    sent = dialects.as_elements(attribute, value)
    if len(sent) > MAX_VALUES and attribute is not MEMBERS:
        if attribute.is_used:
            raise _invalid(attribute, "", f"may have {MAX_VALUES} values at most")
        notes.ignored(attribute.name, f"more than {MAX_VALUES} values")
        sent = sent[:MAX_VALUES]
    elements = [*_valid_elements(attribute, sent)]
    _keep_one_primary(attribute, elements)
    return elements or None


def _valid_elements(attribute: Attribute, sent: list[Any]) -> Iterator[Json]:
    for value in sent:
        if value in (None, "", {}):
            continue
        try:
            element = _object(attribute, value, "")
        except InvalidValueException as error:
            if attribute.is_used:
                raise
            note_ignored(error)
            continue
        if element.keys() - _LABELS:
            yield element


def _keep_one_primary(attribute: Attribute, elements: list[Json]) -> None:
    """Keep only one primary value, that of type “work” or the first (RFC 7643 section 2.4).

    Of several primary roles, none stays primary. Ramp then uses the highest one.
    """
    primaries = [element for element in elements if element.get(PRIMARY.name) is True]
    if len(primaries) < 2:
        return
    work = [element for element in primaries if str(element.get("type", "")).lower() == "work"]
    kept = None if attribute is ROLES else (work or primaries)[0]
    for element in primaries:
        if element is not kept:
            element[PRIMARY.name] = False
    notes.understood(f"of several primary {attribute.name}, the one for work or the first", "")


def _object(attribute: Attribute, value: Any, owner: str) -> Json:
    if not isinstance(value, dict):
        raise _invalid(attribute, owner, f"must be {_EXPECTED['complex']}")
    read: Json = {}
    for name, sent in value.items():
        part = part_of(attribute, name)
        if part is None or not part.is_written:
            continue
        notes.spelled(name, part.name)
        canonical = value_or_none(part, sent, attribute.name)
        if canonical is None:
            continue
        if part.name in read:
            if part.is_used:
                raise InvalidSyntaxException(
                    detail=f"“{attribute.name}.{part.name}” is sent twice."
                )
            notes.ignored(f"{attribute.name}.{part.name}", "sent twice")
            continue
        read[part.name] = canonical
    return read


def _complex(attribute: Attribute, value: Any, owner: str) -> Json | None:
    return _object(attribute, value, owner) or None


def _text(attribute: Attribute, value: Any, owner: str) -> str | None:
    text = dialects.text(value)
    if text is None:
        if value in ([], {}):
            return None
        raise _invalid(attribute, owner, f"must be {_EXPECTED[attribute.kind]}")
    name = f"{owner}.{attribute.name}" if owner else attribute.name
    if not isinstance(value, str):
        notes.understood(f"{text[:100]} in {name} as text", "Entra, authentik")
    if attribute in _TRIMMED and text != (tidy := text.strip().strip(_INVISIBLE).strip()):
        notes.understood(f"{name} without the blanks round it", "HR exports")
        text = tidy
    if len(text) > attribute.longest:
        raise _invalid(attribute, owner, f"may be {attribute.longest} characters long at most")
    return text or None


def _binary(attribute: Attribute, value: Any, owner: str) -> str | None:
    # Some directories export certificates in PEM, which puts two lines around the base64.
    sent = _text(attribute, value, owner) or ""
    text = _PEM.sub("", sent).strip()
    if len(text) < len(sent.strip()):
        notes.understood("a certificate in PEM as base64", "directory exports")
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError as error:
        raise _invalid(attribute, owner, "must be base64") from error
    return text or None


def _boolean(attribute: Attribute, value: Any, owner: str) -> bool:
    read = dialects.boolean(value)
    if read is None:
        raise _invalid(attribute, owner, f"must be {_EXPECTED['boolean']}")
    if not isinstance(value, bool):
        notes.understood(f"“{value}” in {attribute.name} as {str(read).lower()}", "Entra")
    return read


def _invalid(attribute: Attribute, owner: str, expected: str) -> InvalidValueException:
    name = f"{owner}.{attribute.name}" if owner else attribute.name
    return InvalidValueException(attribute=name, detail=f"“{name}” {expected}.")


_EXPECTED: Mapping[Kind, str] = {
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
