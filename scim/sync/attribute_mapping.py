"""What a SCIM document says about a person, by its default attributes or the connection's own.

A connection's mapping names, for a field of the profile or the external name of a custom
field, the SCIM path it comes from: {"department": "urn:…:enterprise:2.0:User:costCenter"}.
Where it names one, no other place is looked at.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scim2_models import InvalidPathException, SCIMException

from people.values import Profile, is_usable_name
from scim.rfc.attributes import ENTERPRISE, RAMP, USER
from scim.rfc.filter_match import Matcher
from scim.rfc.normalize import looks_like_address, manager_of, spelling
from scim.rfc.paths import Target, resolve
from scim.rfc.strict_json import Json

OUR_ROLE = "rampUserRole"
REQUIRED = ("given_name", "family_name", "email", "department", "location")
# What a person, a department and a location hold; an address has its own length.
LONGEST = 200
LONGEST_ADDRESS = 254

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True)
class MappedUser:
    """What the document asserts; `missing` names the required fields that it leaves open."""

    profile: Profile
    manager: str
    custom_fields: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def told(self) -> dict[str, Any]:
        """The sent value of each field, by name, for sync errors."""
        return {**vars(self.profile), "manager": self.manager}


def profile_of(document: Json, mapping: Mapping[str, str]) -> MappedUser:
    """Read the document as a description of a person.

    A first or last name that nobody could be called by counts as missing.
    """
    fields: dict[str, Any] = {name: _said(document, name, mapping) for name in REQUIRED}
    missing = tuple(name for name, value in fields.items() if not _is_usable(name, value))
    role = _said(document, "role", mapping) or None
    manager = mapping.get("manager")
    return MappedUser(
        profile=Profile(**fields, role=role),
        manager=text_at(document, manager) if manager else manager_of(document),
        custom_fields=_custom_fields(document, mapping),
        missing=missing,
    )


def snake_case(name: str) -> str:
    """Return the external name that a SCIM attribute's name stands for: costCenter, cost_center."""
    return _WORD_ENDS.sub("_", name).lower()


def check_path(path: str) -> Target:
    """Return what the path of a mapping points at.

    :raises SCIMException: if that is not an attribute of a user.
    """
    target = resolve(path, USER)
    if target.attribute is None:
        raise InvalidPathException(path=path, detail=f"“{path}” is a schema, not an attribute.")
    if target.selection is not None:
        Matcher(target.attribute, {}).visit(target.selection)
    return target


def _is_usable(field: str, value: str) -> bool:
    if field == "email":
        return looks_like_address(value) and len(value) <= LONGEST_ADDRESS
    return is_usable_name(value) if field.endswith("_name") else 0 < len(value) <= LONGEST


def _said(document: Json, field: str, mapping: Mapping[str, str]) -> str:
    path = mapping.get(field)
    if path:
        return text_at(document, path)
    for place in _PLACES[field](document):
        if said := _tidied(place):
            return said
    return ""


def _tidied(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()


def _given_names(document: Json) -> Iterator[Any]:
    yield document.get("name", {}).get("givenName")


def _family_names(document: Json) -> Iterator[Any]:
    yield document.get("name", {}).get("familyName")


def _addresses_of_mail(document: Json) -> Iterator[Any]:
    emails = document.get("emails", [])
    yield from (one.get("value") for one in emails if one.get("primary"))
    yield from (one.get("value") for one in emails if _type(one) == "work")
    yield from (one.get("value") for one in emails)
    if looks_like_address(document["userName"]):
        yield document["userName"]


def _departments(document: Json) -> Iterator[Any]:
    yield document.get(ENTERPRISE.urn, {}).get("department")
    yield document.get("department")


def _locations(document: Json) -> Iterator[Any]:
    yield document.get(RAMP.urn, {}).get("location")
    addresses = document.get("addresses", [])
    yield from (one.get("locality") for one in addresses if _type(one) == "work")
    yield from (one.get("locality") for one in addresses if one.get("primary"))
    if len(addresses) == 1:
        yield addresses[0].get("locality")
    yield document.get("location")
    yield document.get("city")


def _roles(document: Json) -> Iterator[Any]:
    roles = document.get("roles", [])
    yield from (one.get("value") for one in roles if _type(one) == OUR_ROLE.lower())
    yield from (one.get("value") for one in roles if one.get("primary"))
    if len(roles) == 1:
        yield roles[0].get("value")


_PLACES = {
    "given_name": _given_names,
    "family_name": _family_names,
    "email": _addresses_of_mail,
    "department": _departments,
    "location": _locations,
    "role": _roles,
}


def _type(element: Json) -> str:
    return str(element.get("type", "")).lower()


def _custom_fields(document: Json, mapping: Mapping[str, str]) -> dict[str, str]:
    sent = {
        snake_case(name): value
        for name, value in document.get(RAMP.urn, {}).items()
        if name != "location"
    }
    mapped = {
        name: text_at(document, path)
        for name, path in mapping.items()
        if name not in _PLACES and name != "manager"
    }
    return sent | {name: value for name, value in mapped.items() if value}


def text_at(document: Json, path: str) -> str:
    """Return the first text that the path points at."""
    target = _resolved(path)
    if target is None or target.attribute is None or target.leaf is None:
        return ""
    home = document if target.schema is None else document.get(target.schema.urn, {})
    held = home.get(spelling(home, target.attribute))
    elements = held if isinstance(held, list) else [held]
    if target.selection is not None:
        elements = [one for one in elements if one and _chooses(target, one)]
    part = target.part or target.attribute.part("value")
    found = (one.get(part.name) if part and isinstance(one, dict) else one for one in elements)
    return next((said for one in found if (said := _tidied(one))), "")


def _chooses(target: Target, element: Json) -> bool:
    assert target.attribute is not None
    assert target.selection is not None
    return Matcher(target.attribute, element).visit(target.selection)


@lru_cache(maxsize=256)
def _resolved(path: str) -> Target | None:
    # Mappings are checked when they are saved. One that has become wrong since says nothing.
    try:
        return check_path(path)
    except SCIMException:
        return None
