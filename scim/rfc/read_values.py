"""Converts the value of an attribute, as it was sent, to its canonical form.

Scalars are converted to the type of the attribute. A list with one value is accepted for a
single-valued attribute. Spaces around identifiers are removed. `value_of` refuses an invalid value;
`value_or_none` refuses it only if Ramp uses the attribute, and ignores it otherwise.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.rfc import dialects, notes
from scim.rfc.attributes import (
    EMAIL,
    EMAILS,
    MANAGER,
    MEMBERS,
    PRIMARY,
    ROLES,
    USER_NAME,
)
from scim.rfc.paths import part_of
from scim.rfc.schema import Attribute, Kind
from scim.rfc.strict_json import Json

MAX_VALUES = 200

_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]+@[\w](?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*"
)
# An element with only these attributes is empty: Entra's validator replaces the `value` of an email
# by null, and then expects a response without the email (MS-VALIDATOR, null update).
_LABELS = {"type", "primary"}
# Identifiers by which users are found. HR exports and spreadsheets leave spaces around them.
_TRIMMED = (USER_NAME, EMAIL, MANAGER.part("value"))
# Invisible characters around an address that was copied from a web page.
_INVISIBLE = "\u200b\u2060\ufeff"
_PEM = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")


def value_of(attribute: Attribute, value: Any, owner: str = "") -> Any:
    """Return the canonical form of an attribute's value, or None if the attribute is unassigned.

    :raises InvalidValueException: if the value is invalid.
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
    """Return the result of `value_of`; None for an invalid value of an attribute Ramp does not use.

    :raises InvalidValueException: as `value_of`, if Ramp uses the attribute.
    :raises InvalidSyntaxException: as `value_of`.
    """
    try:
        return value_of(attribute, value, owner)
    except InvalidValueException as error:
        if attribute.is_used:
            raise
        pass_over(error)
        return None


def pass_over(error: InvalidValueException) -> None:
    """Note that the value in the error is ignored."""
    name = str(error.attribute or "a value")
    reason = str(error.detail).removeprefix(f"“{name}” ").rstrip(".")
    notes.passed_over(name, reason)


def spelling(home: Json, attribute: Attribute) -> str:
    """Return the name that the attribute has in the object, or would have.

    Only custom fields keep their first spelling, because they have no canonical one.
    """
    if attribute.is_custom:
        wanted = attribute.name.lower()
        return next((name for name in home if name.lower() == wanted), attribute.name)
    return attribute.name


def looks_like_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def chosen_emails(emails: list[Json]) -> Iterator[Any]:
    """Yield the values of the emails, the one that Ramp uses first."""
    yield from (one.get("value") for one in emails if one.get("primary"))
    yield from (one.get("value") for one in emails if str(one.get("type", "")).lower() == "work")
    yield from (one.get("value") for one in emails)


def check_emails(document: Json) -> None:
    """Check the email that Ramp uses. The others are stored unchecked.

    :raises InvalidValueException: if it is not an email address.
    """
    emails = document.get(EMAILS.name, [])
    used = next((one for one in chosen_emails(emails) if one), None)
    if used is not None and not looks_like_address(used):
        raise InvalidValueException(
            attribute="emails.value", detail=f"“{used}” in emails is not an email address."
        )
    if any(one.get("value") and not looks_like_address(one["value"]) for one in emails):
        notes.understood("a further value of emails that is no email address", "wso2, Entra")


def one_element(attribute: Attribute, value: Any) -> Json:
    """Return the canonical form of a single element of a multi-valued attribute.

    :raises InvalidValueException: if the value is not exactly one element.
    """
    form = dialects.FORMS.get(attribute)
    given = dialects.listed(attribute, form(value) if form else value)
    if len(given) != 1:
        raise _wrong(attribute, "", "must have exactly one value here")
    return _object(attribute, given[0], "")


def _elements(attribute: Attribute, value: Any) -> list[Json] | None:
    if not isinstance(value, list):
        notes.understood(f"a single value of {attribute.name} as a list", "Entra, OneLogin")
    given = dialects.listed(attribute, value)
    if len(given) > MAX_VALUES and attribute is not MEMBERS:
        if attribute.is_used:
            raise _wrong(attribute, "", f"may have {MAX_VALUES} values at most")
        notes.passed_over(attribute.name, f"more than {MAX_VALUES} values")
        given = given[:MAX_VALUES]
    elements = [*_readable(attribute, given)]
    _prefer_one(attribute, elements)
    return elements or None


def _readable(attribute: Attribute, given: list[Any]) -> Iterator[Json]:
    for one in given:
        if one in (None, "", {}):
            continue
        try:
            element = _object(attribute, one, "")
        except InvalidValueException as error:
            if attribute.is_used:
                raise
            pass_over(error)
            continue
        if element.keys() - _LABELS:
            yield element


def _prefer_one(attribute: Attribute, elements: list[Json]) -> None:
    """Keep only one primary value, the one for work or the first (RFC 7643 section 2.4).

    Of several primary roles, none stays primary, so that the highest role counts.
    """
    primaries = [one for one in elements if one.get(PRIMARY.name) is True]
    if len(primaries) < 2:
        return
    work = [one for one in primaries if str(one.get("type", "")).lower() == "work"]
    kept = None if attribute is ROLES else (work or primaries)[0]
    for element in primaries:
        if element is not kept:
            element[PRIMARY.name] = False
    notes.understood(f"of several primary {attribute.name}, the one for work or the first", "")


def _object(attribute: Attribute, value: Any, owner: str) -> Json:
    if not isinstance(value, dict):
        raise _wrong(attribute, owner, f"must be {_AS_TOLD['complex']}")
    held: Json = {}
    for name, one in value.items():
        part = part_of(attribute, name)
        if part is None or not part.is_written:
            continue
        notes.spelled(name, part.name)
        read = value_or_none(part, one, attribute.name)
        if read is None:
            continue
        if part.name in held:
            if part.is_used:
                raise InvalidSyntaxException(
                    detail=f"“{attribute.name}.{part.name}” is sent twice."
                )
            notes.passed_over(f"{attribute.name}.{part.name}", "sent twice")
            continue
        held[part.name] = read
    return held


def _complex(attribute: Attribute, value: Any, owner: str) -> Json | None:
    return _object(attribute, value, owner) or None


def _text(attribute: Attribute, value: Any, owner: str) -> str | None:
    text = dialects.text(value)
    if text is None:
        if value in ([], {}):
            return None
        raise _wrong(attribute, owner, f"must be {_AS_TOLD[attribute.kind]}")
    name = f"{owner}.{attribute.name}" if owner else attribute.name
    if not isinstance(value, str):
        notes.understood(f"{text[:100]} in {name} as text", "Entra, authentik")
    if attribute in _TRIMMED and text != (tidy := text.strip().strip(_INVISIBLE).strip()):
        notes.understood(f"{name} without the blanks round it", "HR exports")
        text = tidy
    if len(text) > attribute.longest:
        raise _wrong(attribute, owner, f"may be {attribute.longest} characters long at most")
    return text or None


def _binary(attribute: Attribute, value: Any, owner: str) -> str | None:
    # Some directories export certificates in PEM, which is base64 between two marker lines.
    sent = _text(attribute, value, owner) or ""
    text = _PEM.sub("", sent).strip()
    if len(text) < len(sent.strip()):
        notes.understood("a certificate in PEM as base64", "directory exports")
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError as error:
        raise _wrong(attribute, owner, "must be base64") from error
    return text or None


def _boolean(attribute: Attribute, value: Any, owner: str) -> bool:
    read = dialects.boolean(value)
    if read is None:
        raise _wrong(attribute, owner, f"must be {_AS_TOLD['boolean']}")
    if not isinstance(value, bool):
        notes.understood(f"“{value}” in {attribute.name} as {str(read).lower()}", "Entra")
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
