"""The policies of a connection for missing fields, and the role names of its provider."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from people.models import Person
from people.operations import person_fields
from people.operations.roles import base_roles
from people.values import PeopleError, Profile, normalize_key
from scim.models import Connection

SPOKEN = {
    "given_name": "first name",
    "family_name": "last name",
    "email": "email",
    "department": "department",
    "location": "location",
}
# What Entra's app roles are called; there is no Owner among them.
APP_ROLES = {
    "Admin": Person.Role.ADMIN,
    "Cardholder": Person.Role.CARDHOLDER,
    "Bookkeeper": Person.Role.BOOKKEEPER,
    "Guest": Person.Role.GUEST,
    "IT Admin": Person.Role.IT_ADMIN,
}


class Incomplete(PeopleError):
    code = "incomplete"

    def __init__(self, missing: Iterable[str]) -> None:
        fields = ", ".join(SPOKEN[name] for name in missing)
        super().__init__(
            f"Missing required fields: {fields}. "
            "Fill them in at your identity provider, and map them to SCIM."
        )


def gap(missing: list[str]) -> PeopleError:
    """Return the message about missing fields."""
    if set(missing) <= {"given_name", "family_name"}:
        return person_fields.InvalidName(missing[0])
    return Incomplete(missing)


def filled(connection: Connection, profile: Profile, person: Person | None) -> Profile:
    """Fill missing fields with the connection's defaults, if its policy says so.

    Whoever has something else already keeps that: it was said once.
    """
    if connection.incomplete != Connection.Incomplete.FILL:
        return profile
    defaults = {
        "department": connection.default_department,
        "location": connection.default_location,
    }
    older = person.profile if person else None
    said: dict[str, Any] = {
        name: default
        for name, default in defaults.items()
        if not getattr(profile, name)
        and (older is None or normalize_key(getattr(older, name)) in ("", normalize_key(default)))
    }
    return replace(profile, **said)


def unsaid(said: Profile) -> frozenset[str]:
    """Return the fields that the provider did not send, so that their values are not managed."""
    return frozenset(name for name in SPOKEN if not getattr(said, name))


def role(connection: Connection, given: str | None, *, current: str | None = None) -> str | None:
    """Translate the role; one that is none of ours is refused where roles are given.

    :raises operations.InvalidRole: if somebody whose role is `current` would become an Owner
        and the connection may not do that. Entra never may.
    """
    if given is None or connection.role_source == Connection.RoleSource.RAMP:
        return None
    is_entra = connection.provider == Connection.Provider.ENTRA
    if given == Person.Role.OWNER:
        may_assign = connection.may_assign_owner or current == Person.Role.OWNER
        if is_entra or not may_assign:
            raise base_roles.InvalidRole
    return APP_ROLES.get(given, given) if is_entra else given
