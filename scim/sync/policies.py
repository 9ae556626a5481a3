"""The policies of a connection for missing fields, and the role names of its provider."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from people.models import Person
from people.models.field_table import EDITABLE, LABELS
from people.operations import person_fields
from people.operations.roles import base_roles
from people.values import PeopleError, Profile, normalize_key
from scim.connections.presets import PRESETS
from scim.models import Connection
from scim.sync.attribute_mapping import REQUIRED

# The names of the fields that a connection may manage, for pages and error messages.
FIELD_NAMES = {name: LABELS[name] for name in EDITABLE} | {"email": "email"}


class Incomplete(PeopleError):
    code = "incomplete"

    def __init__(self, missing: Iterable[str]) -> None:
        fields = ", ".join(FIELD_NAMES[name] for name in missing)
        super().__init__(
            f"Missing required fields: {fields}. "
            "Fill them in at your identity provider, and map them to SCIM."
        )


class SeveralRoles(PeopleError):
    """The provider sent several roles, none of them primary, and Ramp chose one."""

    code = "several-roles"
    field = "role"

    def __init__(self, sent: Sequence[str], chosen: str) -> None:
        names = ", ".join(sent)
        label = dict(Person.Role.choices)[Person.Role(chosen)]
        super().__init__(
            f"Several roles were sent: {names}. The highest one that the connection may assign, "
            f"{label}, was assigned."
        )


def missing_fields_error(missing: list[str]) -> PeopleError:
    """Return the error about missing fields."""
    if set(missing) <= {"given_name", "family_name"}:
        return person_fields.InvalidName(missing[0])
    return Incomplete(missing)


def fill_defaults(connection: Connection, profile: Profile, person: Person | None) -> Profile:
    """Fill missing fields with the connection's defaults, if its policy says so.

    A person who has another value keeps it, because the provider sent it before.
    """
    if connection.current_incomplete_policy != Connection.Incomplete.FILL:
        return profile
    defaults = {
        "department": connection.default_department,
        "location": connection.default_location,
    }
    older = person.profile if person else None
    values: dict[str, Any] = {
        name: default
        for name, default in defaults.items()
        if not getattr(profile, name)
        and (older is None or normalize_key(getattr(older, name)) in ("", normalize_key(default)))
    }
    return replace(profile, **values)


def unsent_fields(profile: Profile) -> frozenset[str]:
    """Return the fields that the provider did not send, so that their values are not managed."""
    return frozenset(name for name in REQUIRED if not getattr(profile, name))


# The highest first.
BASE_ROLES = (
    Person.Role.OWNER,
    Person.Role.ADMIN,
    Person.Role.IT_ADMIN,
    Person.Role.BOOKKEEPER,
    Person.Role.CARDHOLDER,
    Person.Role.GUEST,
)


def translate_role(
    connection: Connection,
    given: str | None,
    *,
    among: Sequence[str] = (),
    current: str | None = None,
) -> str | None:
    """Return Ramp's name of the role, None if the connection does not assign one.

    Of several roles (`among`) it is the highest one that the connection may assign. An unknown
    name is returned unchanged; the operation that assigns it refuses it.

    :raises InvalidRole: if a person whose role is `current` would become an Owner and the
        connection may not assign that role. A provider with app roles never may.
    """
    if not among:
        return _translated(connection, given, current=current)
    app_roles = PRESETS[connection.provider].app_roles
    sent = {app_roles.get(name, name): name for name in reversed(among)}
    ranked = [sent[one] for one in BASE_ROLES if one in sent] or [among[0]]
    for higher in ranked[:-1]:
        with suppress(base_roles.InvalidRole):
            return _translated(connection, higher, current=current)
    return _translated(connection, ranked[-1], current=current)


def _translated(connection: Connection, given: str | None, *, current: str | None) -> str | None:
    if given is None or connection.role_source == Connection.RoleSource.RAMP:
        return None
    app_roles = PRESETS[connection.provider].app_roles
    if given == Person.Role.OWNER:
        may_assign = connection.may_assign_owner or current == Person.Role.OWNER
        if app_roles or not may_assign:
            raise base_roles.InvalidRole
    return app_roles.get(given, given)
