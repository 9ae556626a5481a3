"""Changing what is known about somebody who is here already."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from people import events
from people.db.models import changed_fields, field_values
from people.models import Event, Person
from people.models.field_table import PROFILE, REVISABLE
from people.operations import place_lookup, ranks
from people.operations.email_changes import follow_address
from people.operations.former_addresses import note_former_address, release_address
from people.operations.locks import lock
from people.operations.managers import check_manager
from people.operations.person_fields import (
    DuplicateEmail,
    apply_profile,
    check_name,
    difference,
    mark_managed,
    mark_manager_managed,
    saving,
    set_role,
    snapshot,
)
from people.operations.roles.base_roles import check_not_last_admin, check_role
from people.operations.roles.withheld_roles import ASKED, is_withheld, key_of
from people.values import KEEP, Actor, Keep, Profile, normalize_key

# The columns that a revision may change.
COLUMNS = (
    *REVISABLE,
    "custom_values",
    "managed_fields",
    "manually_overridden_fields",
    "manually_overridden_at",
)


@saving(savepoint=False)
def revise_person(
    person: Person,
    profile: Profile,
    *,
    actor: Actor,
    manager: Person | Keep | None = KEEP,
    custom_values: Mapping[str, str] | None = None,
) -> bool:
    """Make the person match the profile, and tell whether that changed anything.

    A new address waits to be confirmed, except for somebody who never joined: there is no
    confirmed one to protect. Asserting the old one again cancels what was pending.

    :raises PersonAboveRank, RoleAboveRank: if the actor may not change the person, or may not
        give the role.
    :raises InvalidName: if the first or last name cannot be one.
    :raises DuplicateEmail: if somebody else has the address.
    :raises InvalidLocationChange: if the new location's entity issues another currency.
    :raises InvalidRole, LastOwner, LastAdministrator: if the role may not be given or taken.
    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have them.
    """
    said = {name for name in PROFILE if getattr(profile, name) and name not in profile.unsaid}
    said |= {f"custom.{name}" for name in custom_values or ()}
    if not isinstance(manager, Keep):
        said.add("manager")
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, said=said) as revision:
        ranks.check_rank_over(actor, person)
        _apply(person, profile, actor=actor, manager=manager, custom_values=custom_values)
    return revision.has_changed


@saving(savepoint=False)
def restore_managed_fields(
    person: Person,
    profile: Profile,
    *,
    actor: Actor,
    manager: Person | Keep | None = KEEP,
    custom_values: Mapping[str, str] | None = None,
) -> bool:
    """Give fields back what their owner said last, and tell whether anything had to be.

    A manager who is owned and cannot be found now stays to be put back later.

    :raises PeopleError: as `revise_person`.
    """
    said = set(person.manually_overridden_fields)
    if isinstance(manager, Keep) and "manager" in person.managed_fields:
        said.discard("manager")
    with _revision(person, Event.Kind.MANAGED_FIELDS_RESTORED, actor=actor, said=said) as revision:
        ranks.check_rank_over(actor, person)
        _apply(person, profile, actor=actor, manager=manager, custom_values=custom_values)
    return revision.has_changed


@transaction.atomic
def assign_manager(person: Person, manager: Person | None, *, actor: Actor) -> bool:
    """Give the person this manager, or none, and tell whether that changed anything.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have them.
    """
    said = {"manager"}
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, said=said) as revision:
        ranks.check_rank_over(actor, person)
        _set_manager(person, manager, actor=actor)
    return revision.has_changed


@transaction.atomic
def succeed_manager(person: Person, manager: Person | None, *, actor: Actor) -> bool:
    """Give a report of somebody who is terminated this manager, and tell whether it is new.

    It follows from the termination, so the rank of the report does not matter.

    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have them.
    """
    said = {"manager"}
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, said=said) as revision:
        _set_manager(person, manager, actor=actor)
    return revision.has_changed


@dataclass
class _Revision:
    has_changed: bool = False


@contextmanager
def _revision(
    person: Person, kind: Event.Kind, *, actor: Actor, said: Collection[str]
) -> Iterator[_Revision]:
    """Hold the person; then save and record what the block has changed of them.

    `said` names the fields that the block gives a value, whether that changes them or not.
    """
    lock(person)
    before, stored = snapshot(person), field_values(person, COLUMNS)
    # Marks are added to it; what it held would change with it.
    person.managed_fields = dict(person.managed_fields)
    revision = _Revision()
    yield revision
    place_lookup.save_new_places(person)
    changes = difference(before, snapshot(person))
    revision.has_changed = bool(changes)
    _update_manual_overrides(person, changes, said, actor=actor)
    if names := changed_fields(person, stored):
        person.save(update_fields=[*names, "changed_at"])
    if changes:
        events.record(kind, person, actor=actor, changes=changes)
        follow_address(person, changes, actor=actor)


def _update_manual_overrides(
    person: Person, changes: Mapping[str, Any], said: Collection[str], *, actor: Actor
) -> None:
    """Mark the owned fields that somebody changed, or unmark those that the provider said again.

    Which custom fields a provider fills, only its connection knows; the sync cycle asks it.
    """
    if actor.via == "scim":
        marks = {
            name: at for name, at in person.manually_overridden_fields.items() if name not in said
        }
    else:
        fields = {"email" if name == "pending_email" else name for name in changes}
        owned = {name for name in fields if _may_be_managed(person, name)}
        marks = person.manually_overridden_fields | dict.fromkeys(owned, timezone.now().isoformat())
    set_manual_overrides(person, marks)


def set_manual_overrides(person: Person, marks: dict[str, str]) -> None:
    """Replace the marks of manually overridden fields; the caller saves both columns."""
    person.manually_overridden_fields = marks
    person.manually_overridden_at = max(map(datetime.fromisoformat, marks.values()), default=None)


def _may_be_managed(person: Person, name: str) -> bool:
    return name in person.managed_fields or name.startswith("custom.")


def _apply(
    person: Person,
    profile: Profile,
    *,
    actor: Actor,
    manager: Person | Keep | None,
    custom_values: Mapping[str, str] | None,
) -> None:
    check_name(profile)
    apply_profile(person, profile)
    # The manager before the role, for that is the order of their locks.
    if not isinstance(manager, Keep):
        _set_manager(person, manager, actor=actor)
    if profile.role and profile.role != person.role and not _is_kept_back(person, profile, actor):
        check_role(person, profile.role)
        ranks.check_may_grant(actor, profile.role)
        check_not_last_admin(person, role=profile.role, actor=actor)
        set_role(person, profile.role, actor=actor)
    if custom_values is not None:
        person.custom_values = {**person.custom_values, **custom_values}
    _set_email(person, profile.email, actor=actor)
    mark_managed(person, profile, actor=actor)


def _is_kept_back(person: Person, profile: Profile, actor: Actor) -> bool:
    """Tell whether only an administrator gives the person this role, and have them asked."""
    role = profile.role or ""
    if actor.via == "person" or not is_withheld(person, role):
        return False
    person.withheld_roles = {key_of(role): ASKED} | person.withheld_roles
    return True


def _set_manager(person: Person, manager: Person | None, *, actor: Actor) -> None:
    if (manager.pk if manager else None) != person.manager_id:
        check_manager(person, manager)
        person.manager = manager
    mark_manager_managed(person, manager, actor=actor)


def _set_email(person: Person, email: str, *, actor: Actor) -> None:
    key = normalize_key(email)
    if key == person.email_key:
        person.email, person.pending_email = email, ""
        return
    if person.pending_email and key == normalize_key(person.pending_email):
        return  # Said again. Whether somebody took it meanwhile, its confirmation will see.
    if Person.objects.having_address(email).exclude(pk=person.pk).exists():
        raise DuplicateEmail
    if person.joined_at and person.email_key:
        person.pending_email = email
        return
    release_address(email, actor=actor)
    note_former_address(person)
    person.email, person.email_key = email, key
