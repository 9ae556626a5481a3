"""Adds, activates, deactivates and reactivates people.

An operation is one transaction: it locks the person, checks the rules, saves, and records one
event with the difference. It never talks to the network; the subscribers of the event do. An
operation that would change nothing returns False and is not an error.
"""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from people import events, tenancy
from people.db import unit_of_work
from people.models import Event, Person
from people.operations import guest_days, place_lookup, ranks
from people.operations.former_addresses import release_address
from people.operations.invites.lifecycle import (
    accept_invites,
    create_invite,
    issue_invite,
    revoke_invite,
)
from people.operations.locks import lock
from people.operations.managers import check_manager
from people.operations.offboarding import schedule
from people.operations.person_fields import (
    apply_profile,
    check_name,
    difference,
    mark_managed,
    mark_manager_managed,
    saving,
    set_role,
    snapshot,
)
from people.operations.rehires import NoAddress, start_over, unusable_password
from people.operations.roles.base_roles import check_not_last_admin, check_role
from people.values import INVITED, Actor, Invitation, PeopleError, Profile, normalize_key

# The columns that `activate_person` writes.
JOIN_COLUMNS = ("state", "joined_at", "changed_at")
# The columns that `deactivate_person` and `reactivate_person` write.
ACTIVITY_COLUMNS = (
    *("state", "deactivated_at", "deactivated_by", "deactivates_at"),
    *("session_epoch", "changed_at"),
)


class Terminated(PeopleError):
    code = "terminated"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} was terminated, which cannot be undone. Add them as a new person."
        )


@saving(savepoint=True)
def add_person(
    profile: Profile,
    *,
    actor: Actor,
    manager: Person | None = None,
    custom_values: Mapping[str, str] | None = None,
    invitation: Invitation | None = INVITED,
) -> Person:
    """Add a person to the tenant in force, and invite them unless `invitation` is None.

    :raises InvalidName: if the first or last name is not usable.
    :raises DuplicateEmail: if another person who is not terminated has the address.
    :raises InvalidRole: if there is no such role.
    :raises RoleAboveRank: if the actor may not grant the role.
    :raises SelfManager, InvalidManager: if the manager may not have this report.
    """
    person = Person(tenant_id=tenancy.current_id(), state=Person.State.INVITED)
    # They may choose one when they accept the invite. Sign-in through a provider needs none.
    person.password = unusable_password()
    role = profile.role or Person.Role.CARDHOLDER
    check_name(profile)
    check_role(person, role)
    ranks.check_may_grant(actor, role)
    check_manager(person, manager)
    apply_profile(person, profile)
    set_role(person, role, actor=actor)
    guest_days.set_default_last_day(person)
    person.manager = manager
    person.email, person.email_key = profile.email, normalize_key(profile.email)
    person.custom_values = dict(custom_values or {})
    mark_managed(person, profile, actor=actor)
    mark_manager_managed(person, manager, actor=actor)
    place_lookup.save_new_places(person)
    if not unit_of_work.is_open():
        # In a unit of work, the unique constraint detects a leaver with this address instead, and
        # the caller starts again without one.
        release_address(profile.email, actor=actor)
    # Raises IntegrityError if the address is taken; `saving` converts it to DuplicateEmail.
    person.save(force_insert=True)
    changes = difference({}, snapshot(person))
    events.record(Event.Kind.PERSON_ADDED, person, actor=actor, changes=changes)
    if invitation:
        create_invite(person, actor=actor, invitation=invitation)
    return person


@transaction.atomic
def activate_person(person: Person, *, actor: Actor) -> bool:
    """Make an invited person active; return False if they were active already."""
    lock(person)
    if person.state != Person.State.INVITED:
        return False
    before = snapshot(person)
    person.state, person.joined_at = Person.State.ACTIVE, timezone.now()
    # The first sign-in accepts the invite, even one that was never mailed.
    accept_invites(person, actor=actor)
    changes = difference(before, snapshot(person))
    person.save(update_fields=JOIN_COLUMNS)
    events.record(Event.Kind.PERSON_JOINED, person, actor=actor, changes=changes)
    return True


@saving(savepoint=False)
def deactivate_person(person: Person, *, actor: Actor, reason: str = "") -> bool:
    """End the person's access at once; return False if they were inactive already.

    Sessions and API tokens end, the open invite is revoked, purchases are declined, and
    auto-termination is scheduled if an identity provider deactivates the person. Cards, reports and
    approval steps stay with the person.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if not person.is_active:
        return False
    check_not_last_admin(person, actor=actor)
    before = snapshot(person)
    person.state = Person.State.INACTIVE
    person.deactivated_at, person.deactivated_by = timezone.now(), str(actor)
    # Sessions, API tokens and password links store the epoch in which they began, so all end.
    person.session_epoch += 1
    # The undo of a bulk change recognizes this invite by its time, which is between
    # `deactivated_at` and the event.
    revoke_invite(person, actor=actor)
    schedule.schedule_termination(person, actor=actor)
    person.save(update_fields=ACTIVITY_COLUMNS)
    events.record(
        Event.Kind.PERSON_DEACTIVATED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
        reason=reason,
    )
    return True


@saving(savepoint=False)
def detach_person(person: Person, *, actor: Actor) -> bool:
    """Deactivate a person whose SCIM resource was deleted; return whether they were active.

    From now on another person may get their address, and a reactivation means `start_over`.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    """
    lock(person)
    was_active = deactivate_person(person, actor=actor)
    if person.state == Person.State.INACTIVE and person.detached_at is None:
        person.detached_at = timezone.now()
        person.save(update_fields=["detached_at", "changed_at"])
    return was_active


@saving(savepoint=False)
def reactivate_person(person: Person, *, actor: Actor, invitation: Invitation = INVITED) -> bool:
    """Give the person access again; return False if they had it already.

    A person who never joined is invited again. For a person whom the identity provider had
    deleted, see `start_over`.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises Terminated: if they were terminated.
    :raises NoAddress: if another person has their address now.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if person.is_active:
        return False
    if person.state == Person.State.TERMINATED:
        raise Terminated(person)
    # The provider had deleted the person, and their address was released to another person.
    if not person.email_key:
        raise NoAddress(person)
    if person.detached_at:
        start_over(person, actor=actor)
    before = snapshot(person)
    person.state = Person.State.ACTIVE if person.joined_at else Person.State.INVITED
    person.deactivated_at, person.deactivated_by = None, ""
    guest_days.extend_last_day(person)
    changes = difference(before, snapshot(person))
    person.save(update_fields=ACTIVITY_COLUMNS)
    schedule.cancel(person)
    events.record(Event.Kind.PERSON_REACTIVATED, person, actor=actor, changes=changes)
    if not person.joined_at:
        issue_invite(person, actor=actor, invitation=invitation)
    return True
