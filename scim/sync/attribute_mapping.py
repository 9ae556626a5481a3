"""What a SCIM document says about a person, by its default attributes or the connection's own.

A connection's mapping names, for a field of the profile or the external name of a custom
field, the SCIM path it comes from: {"department": "urn:…:enterprise:2.0:User:costCenter"}.
Where it names one, no other place is looked at.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from scim2_models import InvalidPathException, SCIMException

from people.values import Profile, is_usable_name
from scim.rfc import notes
from scim.rfc.attributes import ENTERPRISE, RAMP, USER
from scim.rfc.filter_match import Matcher
from scim.rfc.normalize import manager_of, schema_key
from scim.rfc.paths import Target, resolve
from scim.rfc.read_values import chosen_emails, looks_like_address, spelling
from scim.rfc.strict_json import Json

OUR_ROLE = "rampUserRole"
# What a person, a department and a location hold; an address has its own length.
MAX_LENGTH = 200
MAX_ADDRESS_LENGTH = 254

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True)
class MappedUser:
    """What the document asserts; `missing` names the required fields that it leaves open."""

    profile: Profile
    manager: str
    custom_fields: Mapping[str, str]
    missing: tuple[str, ...]
    # Several roles of which none is the primary one, in the order they were sent.
    roles: tuple[str, ...] = ()

    @property
    def raw_values(self) -> dict[str, Any]:
        """The sent value of each field, by name, for sync errors."""
        sent = {**vars(self.profile), "manager": self.manager}
        return sent | ({"role": ", ".join(self.roles)} if self.roles else {})


def profile_of(document: Json, mapping: Mapping[str, str]) -> MappedUser:
    """Read the document as a description of a person.

    A first or last name that nobody could be called by counts as missing.
    """
    fields: dict[str, Any] = {name: _said(document, name, mapping) for name in SOURCES}
    missing = tuple(name for name in REQUIRED if not _is_usable(name, fields[name]))
    manager = fields.pop("manager")
    return MappedUser(
        profile=Profile(**fields | {"role": fields["role"] or None}),
        manager=manager,
        custom_fields=_custom_fields(document, mapping),
        missing=missing,
        roles=() if fields["role"] or "role" in mapping else _several_roles(document),
    )


def _several_roles(document: Json) -> tuple[str, ...]:
    """Return the roles of a user who has several, and none is marked.

    Entra's AppRoleAssignmentsComplex sends all of them with “primary” false (MS-ROLES).
    """
    values = (_tidied(one.get("value")) for one in document.get("roles", []))
    roles = tuple(dict.fromkeys(value for value in values if value))
    if roles:
        notes.understood("the highest of several roles that may be assigned", "Entra")
    return roles


def snake_case(name: str) -> str:
    """Return the external name that a SCIM attribute's name stands for: costCenter, cost_center."""
    return _WORD_ENDS.sub("_", name).lower()


def check_path(path: str) -> Target:
    """Return what the path of a mapping points at.

    :raises SCIMException: if that is not an attribute of a user.
    """
    target = resolve(path, USER, takes_any_extension=True)
    if target.attribute is None:
        raise InvalidPathException(path=path, detail=f"“{path}” is a schema, not an attribute.")
    if target.selection is not None:
        Matcher(target.attribute, {}).visit(target.selection)
    return target


def _is_usable(field: str, value: str) -> bool:
    if field == "email":
        return looks_like_address(value) and len(value) <= MAX_ADDRESS_LENGTH
    return is_usable_name(value) if field.endswith("_name") else 0 < len(value) <= MAX_LENGTH


def _said(document: Json, field: str, mapping: Mapping[str, str]) -> str:
    """Return what the document says about the field, each run of blanks folded into one.

    HR exports have double, hard and tabulated blanks, which nobody can tell apart in a name.
    """
    path = mapping.get(field)
    said = text_at(document, path) if path else SOURCES[field].read(document)
    folded = " ".join(said.split())
    if folded != said:
        notes.understood(f"the {field.replace('_', ' ')} with single blanks", "HR exports")
    return folded


def _tidied(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()


def _first_text(places: Callable[[Json], Iterator[Any]]) -> Callable[[Json], str]:
    """Turn a function that yields values into one that returns the first text of them."""

    def read(document: Json) -> str:
        for place in places(document):
            if said := _tidied(place):
                return said
        return ""

    return read


@_first_text
def _given_name(document: Json) -> Iterator[Any]:
    yield document.get("name", {}).get("givenName")


@_first_text
def _family_name(document: Json) -> Iterator[Any]:
    yield document.get("name", {}).get("familyName")


@_first_text
def _email(document: Json) -> Iterator[Any]:
    yield from chosen_emails(document.get("emails", []))
    user_name = document["userName"]
    # The userName of a guest of Entra looks like an address, and no mail arrives there.
    if "#ext#" in user_name.lower():
        notes.understood("a userName with #EXT# as no email address", "Entra")
    elif looks_like_address(user_name):
        yield user_name


@_first_text
def _department(document: Json) -> Iterator[Any]:
    yield document.get(ENTERPRISE.urn, {}).get("department")
    yield document.get("department")


@_first_text
def _location(document: Json) -> Iterator[Any]:
    yield document.get(RAMP.urn, {}).get("location")
    addresses = document.get("addresses", [])
    work = [one for one in addresses if _type(one) == "work"]
    if len(work) > 1:
        # Oracle's and SailPoint's have several of them (scimgateway #58).
        notes.understood("the primary one of several work addresses", "Oracle, SailPoint")
    yield from (one.get("locality") for one in work if one.get("primary"))
    yield from (one.get("locality") for one in work)
    yield from (one.get("locality") for one in addresses if one.get("primary"))
    if len(addresses) == 1:
        yield addresses[0].get("locality")
    yield document.get("location")
    yield document.get("city")


@_first_text
def _role(document: Json) -> Iterator[Any]:
    roles = document.get("roles", [])
    yield from (one.get("value") for one in roles if _type(one) == OUR_ROLE.lower())
    yield from (one.get("value") for one in roles if one.get("primary"))
    if len(roles) == 1:
        yield roles[0].get("value")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The default attributes of a field."""

    read: Callable[[Json], str]
    # The attributes in words.
    usual: str
    is_required: bool = False


SOURCES: Final[Mapping[str, Source]] = {
    "given_name": Source(read=_given_name, usual="name.givenName", is_required=True),
    "family_name": Source(read=_family_name, usual="name.familyName", is_required=True),
    "email": Source(
        read=_email,
        usual=(
            "the primary one of emails, the one of type work, the first, or a userName that is an "
            "address"
        ),
        is_required=True,
    ),
    "department": Source(
        read=_department,
        usual="department of the enterprise extension, or a bare department",
        is_required=True,
    ),
    "location": Source(
        read=_location,
        usual=(
            "location of the Ramp extension, locality of the work, primary or only address, or a "
            "bare location or city"
        ),
        is_required=True,
    ),
    "manager": Source(
        read=manager_of, usual="manager of the enterprise extension, or a bare manager"
    ),
    "role": Source(
        read=_role,
        usual=(
            "the value of type rampUserRole in roles, the primary one, the only one, or the "
            "highest of several"
        ),
    ),
}
REQUIRED: Final = tuple(name for name, source in SOURCES.items() if source.is_required)


def _type(element: Json) -> str:
    return str(element.get("type", "")).lower()


def _custom_fields(document: Json, mapping: Mapping[str, str]) -> dict[str, str]:
    sent = {
        snake_case(name): value
        for name, value in document.get(RAMP.urn, {}).items()
        if name != "location"
    }
    mapped = {
        name: text_at(document, path) for name, path in mapping.items() if name not in SOURCES
    }
    return sent | {name: value for name, value in mapped.items() if value}


def extension_paths(document: Json) -> Iterator[str]:
    """Yield the paths of the attributes in extensions that Ramp does not know."""
    for urn, values in document.items():
        if isinstance(values, dict) and USER.foreign_extension(urn):
            yield from (f"{urn}:{name}" for name in values)


def text_at(document: Json, path: str) -> str:
    """Return the first text that the path points at."""
    target = _resolved(path)
    if target is None or target.attribute is None or target.leaf is None:
        return ""
    home = document
    if target.schema is not None:
        home = document.get(schema_key(document, target.schema), {})
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
