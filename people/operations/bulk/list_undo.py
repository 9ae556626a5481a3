"""Undoes what a list added or changed; `undo` itself undoes its deactivations."""

from typing import Any

from people.models import BulkChangeItem, Event, Person
from people.models.field_table import PROFILE
from people.operations.managers import InvalidManager
from people.operations.people import detach_person
from people.operations.people_update import revise_person
from people.values import KEEP, Actor, Keep, Profile

CUSTOM = "custom."


def undo_addition(person: Person, *, actor: Actor) -> None:
    """Deactivate the added person, revoke their invite, and release their address.

    A person is never deleted. Because the address is free, the same list adds them again.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    detach_person(person, actor=actor)


def undo_revision(item: BulkChangeItem, *, actor: Actor) -> None:
    """Restore the values before the list.

    :raises InvalidManager: if the earlier manager was terminated.
    :raises PeopleError: as `revise_person`.
    """
    changes = Event.objects.values_list("changes", flat=True).get(pk=item.event_id)
    before = {name: change["from"] or "" for name, change in changes.items()}
    person = item.person
    values: dict[str, Any] = {name: getattr(person.profile, name) for name in PROFILE}
    values |= {name: before[name] for name in PROFILE if name in before}
    if "pending_email" in before:
        values["email"] = before["pending_email"] or person.email
    manager: Person | Keep | None = KEEP
    if "manager" in before:
        manager_id = before["manager"]
        manager = Person.objects.in_lists().filter(pk=manager_id).first() if manager_id else None
        if manager_id and manager is None:
            raise InvalidManager
    custom = {
        name.removeprefix(CUSTOM): text for name, text in before.items() if name.startswith(CUSTOM)
    }
    revise_person(
        person, Profile(**values), actor=actor, manager=manager, custom_values=custom or None
    )
