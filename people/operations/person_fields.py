"""Applies profiles to a person's row. Shared by `add_person` and `revise_person`; saves nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from people.db import unit_of_work
from people.db.constraints import constraint_of
from people.models import Person
from people.models.field_table import COPIED, PROFILE, READERS
from people.operations import place_lookup
from people.operations.roles.withheld_roles import forget_withheld
from people.values import Actor, PeopleError, Profile, is_usable_name, normalize_key


class InvalidName(PeopleError):
    code = "invalid-name"

    def __init__(self, field: str) -> None:
        super().__init__("Ensure first and last name are entered correctly")
        self.field = field


class DuplicateEmail(PeopleError):
    code = "duplicate-email"
    field = "email"

    def __init__(self) -> None:
        super().__init__("Email is already associated with another employee")


@contextmanager
def saving(*, savepoint: bool) -> Iterator[None]:
    """Run the block in a transaction, and convert a taken address to DuplicateEmail.

    :param savepoint: whether an outer transaction needs a savepoint. Operations that check
        everything before they write do not need one.
    :raises DuplicateEmail: if the address is taken. In a unit of work, `deferring` raises Conflict
        instead, when its block ends.
    """
    if unit_of_work.is_open():
        yield
        return
    begins = savepoint or not transaction.get_connection().in_atomic_block
    try:
        with transaction.atomic() if begins else nullcontext():
            yield
    except IntegrityError as error:
        # Another constraint is an error in the code, and must not look like a taken address.
        if constraint_of(error) != "person_email_taken":
            raise
        raise DuplicateEmail from error


def snapshot(person: Person) -> dict[str, str]:
    """Return the person's fields as the history records them.

    Applying the changes of all events of the person gives the same result.
    """
    facts = {name: text for name, read in READERS.items() if (text := read(person))}
    for name, value in person.custom_values.items():
        if value:
            facts[f"custom.{name}"] = value
    return facts


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in before | after
        if before.get(name) != after.get(name)
    }


def check_name(profile: Profile) -> None:
    for field in ("given_name", "family_name"):
        if not is_usable_name(getattr(profile, field)):
            raise InvalidName(field)


def apply_profile(person: Person, profile: Profile) -> None:
    """Copy texts and places. Operations set the role, the address and the manager themselves.

    :raises InvalidLocationChange: if the new location's entity issues another currency.
    """
    for name in COPIED:
        setattr(person, name, getattr(profile, name))
    department, location = person.department, person.location
    moves = normalize_key(profile.department) != (department.name_key if department else "")
    relocates = normalize_key(profile.location) != (location.name_key if location else "")
    if not (moves or relocates):
        return
    new_department, new_location = place_lookup.places_named(
        profile.department if moves else "",
        profile.location if relocates else "",
        tenant_id=person.tenant_id,
    )
    if moves:
        person.department = new_department
    if relocates:
        place_lookup.check_move(person, new_location)
        person.location = new_location


def set_role(person: Person, role: str, *, actor: Actor) -> None:
    forget_withheld(person, role)
    person.role, person.role_source, person.role_assigned_at = role, str(actor), timezone.now()


def mark_managed(person: Person, profile: Profile, *, actor: Actor) -> None:
    """Mark the fields that an identity provider sends as managed. A blank value is not sent."""
    if actor.via != "scim":
        return
    owner, managed = str(actor), person.managed_fields
    for name in PROFILE:
        is_sent = bool(getattr(profile, name)) and name not in profile.unspecified
        is_owned = managed.get(name, {}).get("by") == owner
        # `since` stays when the provider sends the field again.
        if is_sent and not is_owned:
            managed[name] = {"by": owner, "since": timezone.now().isoformat()}
        # The provider stopped sending the field, so it no longer manages it.
        elif is_owned and not is_sent:
            del managed[name]


def mark_manager_managed(person: Person, manager: Person | None, *, actor: Actor) -> None:
    """Mark the manager as managed. The mark stays if the provider removes the manager."""
    if actor.via != "scim" or manager is None:
        return
    owner, managed = str(actor), person.managed_fields
    if managed.get("manager", {}).get("by") != owner:
        managed["manager"] = {"by": owner, "since": timezone.now().isoformat()}
