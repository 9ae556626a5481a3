"""Every change to a person goes through one of these functions.

An operation is one transaction: it locks the person, refuses what the rules forbid,
saves, and records one event with the difference. It never talks to the network; the
subscribers of the event do. Asking for what is already so changes nothing and is not an
error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from people import events, fixed_sql, tenancy
from people.fixed_sql import Write
from people.models import Event, Person
from people.operations import organisation
from people.operations.hierarchy import check_manager
from people.operations.invites import (
    accept_invites,
    invite_newcomer,
    issue_invite,
    void_invites,
)
from people.operations.locks import lock
from people.operations.roles import check_not_needed, check_role
from people.values import KEEP, Actor, Keep, PeopleError, Profile, fold, is_usable_name

# The columns that a revision may change, and those that come and go with activity.
REVISABLE = (
    *("given_name", "family_name", "email", "email_key", "pending_email"),
    *("department", "location", "manager", "role", "role_source", "role_since"),
    *("custom_values", "owned_fields", "changed_at"),
)
JOINING = ("state", "joined_at", "changed_at")
LEAVING = ("state", "deactivated_at", "deactivated_by", "session_epoch", "changed_at")
OWNABLE = (
    "given_name",
    "family_name",
    "email",
    "department",
    "location",
    "role",
)


class InvalidName(PeopleError):
    code = "invalid-name"
    field = "given_name"

    def __init__(self) -> None:
        super().__init__("Ensure first and last name are entered correctly")


class DuplicateEmail(PeopleError):
    code = "duplicate-email"
    field = "email"

    def __init__(self) -> None:
        super().__init__("Email is already associated with another employee")


class Terminated(PeopleError):
    code = "terminated"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} was terminated, which is final. Add them as a new person."
        )


@contextmanager
def _transaction(*, savepoint: bool) -> Iterator[None]:
    """Begin a transaction, in which a taken address is a refusal.

    Inside another one a savepoint does; none is needed by those who refuse before they
    write.
    """
    needed = savepoint or not transaction.get_connection().in_atomic_block
    try:
        with transaction.atomic() if needed else nullcontext():
            yield
    except IntegrityError as error:
        if "email" not in str(error):
            raise
        raise DuplicateEmail from error


@_transaction(savepoint=True)
def add_person(
    profile: Profile,
    *,
    actor: Actor,
    manager: Person | None = None,
    custom_values: Mapping[str, str] | None = None,
    invited: bool = True,
    hold_invite_because: str = "",
) -> Person:
    """Welcome someone new to the tenant in force, and invite them unless told otherwise.

    :raises InvalidName: if the first or last name cannot be one.
    :raises DuplicateEmail: if somebody who has not left for good has the address.
    :raises InvalidRole: if there is no such role.
    :raises SelfManager, InvalidManager: if the manager may not have this report.
    """
    person = Person(tenant_id=tenancy.current_id(), state=Person.State.INVITED)
    person.set_unusable_password()
    role = profile.role or Person.Role.CARDHOLDER
    _check_name(profile)
    check_role(person, role)
    check_manager(person, manager)
    _fill(person, profile)
    _set_role(person, role, actor=actor)
    person.manager = manager
    person.email, person.email_key = profile.email, fold(profile.email)
    person.custom_values = dict(custom_values or {})
    _own(person, profile, actor=actor)
    _own_manager(person, manager, actor=actor)
    # At once, for here it shows whether the address is taken.
    fixed_sql.insert(person)
    changes = _difference({}, snapshot(person))
    events.record(Event.Kind.PERSON_ADDED, person, actor=actor, changes=changes)
    if invited:
        invite_newcomer(person, actor=actor, held_because=hold_invite_because)
    return person


@_transaction(savepoint=False)
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

    :raises InvalidName: if the first or last name cannot be one.
    :raises DuplicateEmail: if somebody else has the address.
    :raises InvalidLocationChange: if the new location's entity issues another currency.
    :raises InvalidRole, LastOwner, LastAdministrator: if the role may not be given or taken.
    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have them.
    """
    lock(person)
    before = snapshot(person)
    owned = dict(person.owned_fields)
    _check_name(profile)
    _fill(person, profile)
    # The manager before the role, for that is the order of their locks.
    if not isinstance(manager, Keep):
        _set_manager(person, manager, actor=actor)
    if profile.role and profile.role != person.role:
        check_role(person, profile.role)
        check_not_needed(person, role=profile.role)
        _set_role(person, profile.role, actor=actor)
    if custom_values is not None:
        person.custom_values = {**person.custom_values, **custom_values}
    _set_email(person, profile.email)
    _own(person, profile, actor=actor)
    return _store_revision(person, before, owned, actor=actor)


@transaction.atomic
def assign_manager(person: Person, manager: Person | None, *, actor: Actor) -> bool:
    """Give the person this manager, or none, and tell whether that changed anything.

    :raises SelfManager, InvalidManager, CircularManager: if the manager may not have them.
    """
    lock(person)
    before = snapshot(person)
    owned = dict(person.owned_fields)
    _set_manager(person, manager, actor=actor)
    return _store_revision(person, before, owned, actor=actor)


@transaction.atomic
def join_person(person: Person, *, actor: Actor) -> bool:
    """Note that an invited person is in from now on, and tell whether that is news."""
    lock(person)
    if person.state != Person.State.INVITED:
        return False
    before = snapshot(person)
    person.state, person.joined_at = Person.State.ACTIVE, timezone.now()
    accept_invites(person, actor=actor)
    changes = _difference(before, snapshot(person))
    joined = Write(person, JOINING)
    events.record(Event.Kind.PERSON_JOINED, person, actor=actor, changes=changes, storing=joined)
    return True


@transaction.atomic
def deactivate_person(person: Person, *, actor: Actor, reason: str = "") -> bool:
    """Shut the person out at once, and tell whether they were in.

    Every session and every open invite is dead when this returns. Nothing else changes:
    they stay a manager, in workflows, and keep their cards.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    lock(person)
    if not person.is_active:
        return False
    check_not_needed(person)
    before = snapshot(person)
    person.state = Person.State.INACTIVE
    person.deactivated_at, person.deactivated_by = timezone.now(), str(actor)
    person.session_epoch += 1
    void_invites(person, actor=actor)
    events.record(
        Event.Kind.PERSON_DEACTIVATED,
        person,
        actor=actor,
        changes=_difference(before, snapshot(person)),
        storing=Write(person, LEAVING),
        reason=reason,
    )
    return True


@transaction.atomic
def reactivate_person(person: Person, *, actor: Actor, hold_invite_because: str = "") -> bool:
    """Let the person back in, and tell whether they were out.

    Somebody who never joined is invited again.

    :raises Terminated: if they left for good.
    """
    lock(person)
    if person.is_active:
        return False
    if person.state == Person.State.TERMINATED:
        raise Terminated(person)
    before = snapshot(person)
    person.state = Person.State.ACTIVE if person.joined_at else Person.State.INVITED
    person.deactivated_at, person.deactivated_by = None, ""
    changes = _difference(before, snapshot(person))
    back = Write(person, LEAVING)
    events.record(Event.Kind.PERSON_REACTIVATED, person, actor=actor, changes=changes, storing=back)
    if not person.joined_at:
        issue_invite(person, actor=actor, held_because=hold_invite_because)
    return True


def snapshot(person: Person) -> dict[str, str]:
    """Return what the history tells about the person; folding the events gives this."""
    facts = {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "pending_email": person.pending_email,
        "department": person.department.name if person.department else "",
        "location": person.location.name if person.location else "",
        "manager": str(person.manager_id or ""),
        "role": person.role,
        "state": person.state,
    }
    custom = {f"custom.{name}": value for name, value in person.custom_values.items()}
    return {name: value for name, value in (facts | custom).items() if value}


def _difference(before: dict[str, str], after: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in before | after
        if before.get(name) != after.get(name)
    }


def _check_name(profile: Profile) -> None:
    if not (is_usable_name(profile.given_name) and is_usable_name(profile.family_name)):
        raise InvalidName


def _fill(person: Person, profile: Profile) -> None:
    """Copy names and places; the rest has rules of its own."""
    person.given_name, person.family_name = profile.given_name, profile.family_name
    department, location = person.department, person.location
    if fold(profile.department) != (department.name_key if department else ""):
        person.department = organisation.department_named(
            profile.department, tenant_id=person.tenant_id
        )
    if fold(profile.location) != (location.name_key if location else ""):
        moved_to = organisation.location_named(profile.location, tenant_id=person.tenant_id)
        organisation.check_move(person, moved_to)
        person.location = moved_to


def _set_manager(person: Person, manager: Person | None, *, actor: Actor) -> None:
    if (manager.pk if manager else None) != person.manager_id:
        check_manager(person, manager)
        person.manager = manager
    _own_manager(person, manager, actor=actor)


def _set_role(person: Person, role: str, *, actor: Actor) -> None:
    person.role, person.role_source, person.role_since = role, str(actor), timezone.now()


def _set_email(person: Person, email: str) -> None:
    key = fold(email)
    if key == person.email_key:
        person.email, person.pending_email = email, ""
        return
    if person.pending_email and key == fold(person.pending_email):
        return  # Said again. Whether somebody took it meanwhile, its confirmation will see.
    if Person.objects.in_lists().filter(email_key=key).exclude(pk=person.pk).exists():
        raise DuplicateEmail
    if person.joined_at:
        person.pending_email = email
    else:
        person.email, person.email_key = email, key


def _own(person: Person, profile: Profile, *, actor: Actor) -> None:
    """Mark what an identity provider says as its own; blank is not said."""
    for name in OWNABLE:
        if getattr(profile, name):
            _mark(person, name, actor=actor)


def _own_manager(person: Person, manager: Person | None, *, actor: Actor) -> None:
    if manager:
        _mark(person, "manager", actor=actor)


def _mark(person: Person, field: str, *, actor: Actor) -> None:
    owner = str(actor)
    if actor.via == "scim" and person.owned_fields.get(field, {}).get("by") != owner:
        person.owned_fields[field] = {"by": owner, "since": timezone.now().isoformat()}


def _store_revision(
    person: Person, before: dict[str, str], owned: dict[str, Any], *, actor: Actor
) -> bool:
    changes = _difference(before, snapshot(person))
    revision = Write(person, REVISABLE)
    if changes:
        events.record(
            Event.Kind.PERSON_REVISED, person, actor=actor, changes=changes, storing=revision
        )
    elif owned != person.owned_fields:
        fixed_sql.write(revision)
    return bool(changes)
