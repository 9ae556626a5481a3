"""Changes the profile, the manager and the role of an existing person."""

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
from people.operations.email_changes import send_address_mails
from people.operations.former_addresses import keep_former_address, release_address
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
    """Make the person match the profile; return whether that changed anything.

    A new address is pending until it is confirmed, except for a person who never joined: they
    have no confirmed address to protect. Sending the old address cancels a pending one.

    :raises PersonAboveRank, RoleAboveRank: if the actor may not change the person, or may not
        grant the role.
    :raises InvalidName: if the first or last name is not usable.
    :raises DuplicateEmail: if another person has the address.
    :raises InvalidLocationChange: if the new location's entity issues another currency.
    :raises InvalidRole, LastOwner, LastAdministrator: if the role cannot be granted or removed.
    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have this report.
    """
    asserted = {
        name for name in PROFILE if getattr(profile, name) and name not in profile.unspecified
    }
    asserted |= {f"custom.{name}" for name in custom_values or ()}
    if not isinstance(manager, Keep):
        asserted.add("manager")
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, asserted=asserted) as revision:
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
    """Restore the values that the provider sent last; return whether anything changed.

    A managed manager who cannot be found now keeps the override, so a later sync restores them.

    :raises PeopleError: as `revise_person`.
    """
    asserted = set(person.manually_overridden_fields)
    if isinstance(manager, Keep) and "manager" in person.managed_fields:
        asserted.discard("manager")
    with _revision(
        person, Event.Kind.MANAGED_FIELDS_RESTORED, actor=actor, asserted=asserted
    ) as revision:
        ranks.check_rank_over(actor, person)
        _apply(person, profile, actor=actor, manager=manager, custom_values=custom_values)
    return revision.has_changed


@transaction.atomic
def assign_manager(person: Person, manager: Person | None, *, actor: Actor) -> bool:
    """Assign the manager, or none; return whether that changed anything.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have this report.
    """
    asserted = {"manager"}
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, asserted=asserted) as revision:
        ranks.check_rank_over(actor, person)
        _set_manager(person, manager, actor=actor)
    return revision.has_changed


@transaction.atomic
def succeed_manager(person: Person, manager: Person | None, *, actor: Actor) -> bool:
    """Assign the manager to a report of a terminated person; return whether that changed anything.

    It follows from the termination, so the rank of the report does not matter.

    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have this report.
    """
    asserted = {"manager"}
    with _revision(person, Event.Kind.PERSON_REVISED, actor=actor, asserted=asserted) as revision:
        _set_manager(person, manager, actor=actor)
    return revision.has_changed


@dataclass
class _Revision:
    has_changed: bool = False


@contextmanager
def _revision(
    person: Person, kind: Event.Kind, *, actor: Actor, asserted: Collection[str]
) -> Iterator[_Revision]:
    """Lock the person; after the block, save and record what it changed.

    `asserted` names the fields that the block sets, even if the value stays the same.
    """
    lock(person)
    before, stored = snapshot(person), field_values(person, COLUMNS)
    # A copy: `mark_managed` changes it in place, and `stored` must keep the old value.
    person.managed_fields = dict(person.managed_fields)
    revision = _Revision()
    yield revision
    place_lookup.save_new_places(person)
    changes = difference(before, snapshot(person))
    revision.has_changed = bool(changes)
    _update_manual_overrides(person, changes, asserted, actor=actor)
    if names := changed_fields(person, stored):
        person.save(update_fields=[*names, "changed_at"])
    if changes:
        events.record(kind, person, actor=actor, changes=changes)
        send_address_mails(person, changes, actor=actor)


def _update_manual_overrides(
    person: Person, changes: Mapping[str, Any], asserted: Collection[str], *, actor: Actor
) -> None:
    """Mark managed fields that a person changed; unmark those that the provider sent again.

    All custom fields are marked, because only the connection knows which of them it fills. The
    sync cycle finds out.
    """
    if actor.via == "scim":
        marks = {
            name: at
            for name, at in person.manually_overridden_fields.items()
            if name not in asserted
        }
    else:
        fields = {"email" if name == "pending_email" else name for name in changes}
        managed = {
            name for name in fields if name in person.managed_fields or name.startswith("custom.")
        }
        now = timezone.now().isoformat()
        marks = person.manually_overridden_fields | dict.fromkeys(managed, now)
    set_manual_overrides(person, marks)


def set_manual_overrides(person: Person, marks: dict[str, str]) -> None:
    """Replace the marks of manually overridden fields; the caller saves both columns."""
    person.manually_overridden_fields = marks
    person.manually_overridden_at = max(map(datetime.fromisoformat, marks.values()), default=None)


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
    # The manager before the role: locks are taken in the order that people.operations.locks names.
    if not isinstance(manager, Keep):
        _set_manager(person, manager, actor=actor)
    role = profile.role
    # The role that the person has already keeps its source and its date.
    if role and role != person.role:
        # An administrator who sets a withheld role decides by that. A provider only sends its value
        # again, so the role is listed for administrators.
        if actor.via != "person" and is_withheld(person, role):
            person.withheld_roles = {key_of(role): ASKED} | person.withheld_roles
        else:
            check_role(person, role)
            ranks.check_may_grant(actor, role)
            check_not_last_admin(person, role=role, actor=actor)
            set_role(person, role, actor=actor)
    if custom_values is not None:
        person.custom_values = {**person.custom_values, **custom_values}
    _set_email(person, profile.email, actor=actor)
    mark_managed(person, profile, actor=actor)


def _set_manager(person: Person, manager: Person | None, *, actor: Actor) -> None:
    if (manager.pk if manager else None) != person.manager_id:
        check_manager(person, manager)
        person.manager = manager
    mark_manager_managed(person, manager, actor=actor)


def _set_email(person: Person, email: str, *, actor: Actor) -> None:
    key = normalize_key(email)
    if key == person.email_key:
        # The address may be spelled in another case. Sending it again cancels a pending one.
        person.email, person.pending_email = email, ""
        return
    if person.pending_email and key == normalize_key(person.pending_email):
        # Already pending. `confirm_address` checks whether another person has got it since then.
        return
    # Leaves out people who were deleted at the provider: their address is released below.
    if Person.objects.having_address(email).exclude(pk=person.pk).exists():
        raise DuplicateEmail
    if person.joined_at and person.email_key:
        person.pending_email = email
        return
    release_address(email, actor=actor)
    keep_former_address(person)
    person.email, person.email_key = email, key
