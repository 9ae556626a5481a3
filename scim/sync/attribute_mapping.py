"""Read the fields of a person from a SCIM document.

The mapping of a connection contains SCIM paths by the name of a profile field or the external
name of a custom field: {"department": "urn:…:enterprise:2.0:User:costCenter"}. A mapped field is
read only from its path, and any other field from its default attributes (`SOURCES`).
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
from scim.rfc.emails import emails_by_preference, looks_like_address
from scim.rfc.filter_match import Matcher
from scim.rfc.normalize import manager_reference, schema_key
from scim.rfc.paths import Target, resolve
from scim.rfc.read_values import stored_name
from scim.rfc.resource_types import ENTERPRISE, RAMP, USER
from scim.rfc.strict_json import Json

OUR_ROLE = "rampUserRole"
# The length of the columns for the names of a person, a department and a location.
MAX_LENGTH = 200
MAX_ADDRESS_LENGTH = 254

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True)
class MappedUser:
    """The fields that were read; `missing` contains the required fields without a usable value."""

    profile: Profile
    manager: str
    custom_fields: Mapping[str, str]
    missing: tuple[str, ...]
    # Several roles without a primary one, in the order in which they were sent.
    roles: tuple[str, ...] = ()

    @property
    def raw_values(self) -> dict[str, Any]:
        """The sent value of each field, by name, for sync errors."""
        sent = {**vars(self.profile), "manager": self.manager}
        return sent | ({"role": ", ".join(self.roles)} if self.roles else {})


def profile_of(document: Json, mapping: Mapping[str, str]) -> MappedUser:
    """Read the fields of a person from the document.

    A first or last name that `is_usable_name` refuses counts as missing.
    """
    fields: dict[str, Any] = {name: _text_of(document, name, mapping) for name in SOURCES}
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
    """Return the roles of a user with several roles, of which none is primary.

    Entra's AppRoleAssignmentsComplex sends all of them with “primary” false (MS-ROLES).
    """
    values = (_clean_text(one.get("value")) for one in document.get("roles", []))
    roles = tuple(dict.fromkeys(value for value in values if value))
    if roles:
        notes.understood("the highest of several roles that may be assigned", "Entra")
    return roles


def snake_case(name: str) -> str:
    """Return the external name of a custom field: `cost_center` for `costCenter`."""
    return _WORD_ENDS.sub("_", name).lower()


def check_path(path: str) -> Target:
    """Return the target of a path in a mapping.

    :raises SCIMException: if the path is invalid, or does not name an attribute of a user.
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


def _text_of(document: Json, field: str, mapping: Mapping[str, str]) -> str:
    """Return the text of the field, with one space in place of each run of white space.

    HR exports contain double and no-break spaces and tabs, which look the same in a name.
    """
    path = mapping.get(field)
    text = text_at(document, path) if path else SOURCES[field].read(document)
    folded = " ".join(text.split())
    if folded != text:
        notes.understood(f"the {field.replace('_', ' ')} with single blanks", "HR exports")
    return folded


def _clean_text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()


def _first_text(places: Callable[[Json], Iterator[Any]]) -> Callable[[Json], str]:
    """Convert a function that yields values into a function that returns their first text."""

    def read(document: Json) -> str:
        for place in places(document):
            if text := _clean_text(place):
                return text
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
    yield from emails_by_preference(document.get("emails", []))
    user_name = document["userName"]
    # The userName of an Entra guest looks like an address, but does not receive mail.
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
        # Users of Oracle and SailPoint have several work addresses (scimgateway #58).
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
    # The attributes as text for the settings page.
    description: str
    is_required: bool = False


SOURCES: Final[Mapping[str, Source]] = {
    "given_name": Source(read=_given_name, description="name.givenName", is_required=True),
    "family_name": Source(read=_family_name, description="name.familyName", is_required=True),
    "email": Source(
        read=_email,
        description=(
            "the primary one of emails, the one of type work, the first, or a userName that is an "
            "address"
        ),
        is_required=True,
    ),
    "department": Source(
        read=_department,
        description="department of the enterprise extension, or a bare department",
        is_required=True,
    ),
    "location": Source(
        read=_location,
        description=(
            "location of the Ramp extension, locality of the work, primary or only address, or a "
            "bare location or city"
        ),
        is_required=True,
    ),
    "manager": Source(
        read=manager_reference, description="manager of the enterprise extension, or a bare manager"
    ),
    "role": Source(
        read=_role,
        description=(
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
    """Return the first text at the path, or an empty string if there is none."""
    target = _resolved(path)
    if target is None or target.attribute is None or target.leaf is None:
        return ""
    container = document
    if target.schema is not None:
        container = document.get(schema_key(document, target.schema), {})
    value = container.get(stored_name(container, target.attribute))
    elements = value if isinstance(value, list) else [value]
    if target.selection is not None:
        attribute, selection = target.attribute, target.selection
        elements = [one for one in elements if one and Matcher(attribute, one).visit(selection)]
    part = target.part or target.attribute.part("value")
    found = (one.get(part.name) if part and isinstance(one, dict) else one for one in elements)
    return next((text for one in found if (text := _clean_text(one))), "")


@lru_cache(maxsize=256)
def _resolved(path: str) -> Target | None:
    # Mappings are checked when they are saved. If a path has become invalid since, it has no value.
    try:
        return check_path(path)
    except SCIMException:
        return None
