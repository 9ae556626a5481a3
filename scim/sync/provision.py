"""Provisioning: from an accepted resource to its person.

The resource is what the provider sent; the person is the company's record. This module applies
the resource to the person through the operations of people, under the policies of the
connection, and records what cannot be applied as sync errors.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from people import hooks
from people.db import unit_of_work
from people.db.unit_of_work import Conflict
from people.models import CustomField, Person
from people.operations import (
    field_ownership,
    locks,
    people,
    people_update,
    person_fields,
    place_lookup,
    rehires,
)
from people.operations.invites import lifecycle
from people.operations.managers import InvalidManager
from people.operations.roles import base_roles
from people.values import KEEP, Invitation, Keep, PeopleError, Profile
from scim.models import Connection, MatchDecision, ScimUser
from scim.rfc.strict_json import Json
from scim.sync import group_roles, managers, policies, sync_errors
from scim.sync.attribute_mapping import MappedUser, profile_of
from scim.sync.match_evidence import Traits, compare
from scim.sync.sync_errors import SyncErrorSubject

# What a connection that holds incomplete people keeps and lists instead of refusing.
HOLDABLE = (
    person_fields.DuplicateEmail,
    place_lookup.InvalidLocationChange,
    person_fields.InvalidName,
    base_roles.InvalidRole,
)


@dataclass
class ProvisioningTask:
    """A resource that is being applied to its person, with the context of the request."""

    user: ScimUser
    subject: SyncErrorSubject = field(default_factory=SyncErrorSubject)
    request_id: UUID | None = None
    # The person is locked and read already.
    person_is_locked: bool = False
    # The provider sent the whole resource just now.
    is_whole: bool = False
    # An administrator confirmed that the unmanaged person with this email is the right one.
    may_link: bool = False

    @property
    def connection(self) -> Connection:
        return self.user.connection

    @cached_property
    def mapped(self) -> MappedUser:
        """What the resource says about the person."""
        return profile_of(self.user.document, self.connection.mapping)


def provision(task: ProvisioningTask, before: Json | None, *, was_active: bool | None) -> None:
    """Apply the resource to its person; `before` is the previous data.

    Both are None for a resource that is new, or back. The caller saves it afterwards.

    :raises PeopleError: if the rules or the connection's policies refuse it. What a
        policy lets through all the same is listed as a sync error.
    """
    user, mapping = task.user, task.connection.mapping
    if not task.connection.is_live:
        return
    mapped = task.mapped
    task.subject.raw_values = mapped.raw_values
    earlier = profile_of(before, mapping) if before is not None else None
    is_settled = user.person_id is not None and not (user.problem or user.has_errors)
    if mapped == earlier and was_active == user.active and is_settled:
        return
    is_nobody = user.person_id is None
    with _holding(task):
        if is_nobody:
            # None of it has been applied to the new person yet.
            was_active = None
        elif _comes_back(user, before, was_active=was_active):
            assert user.person
            rehires.start_over(user.person, actor=task.connection.actor)
        manager: Person | Keep | None = KEEP
        is_open = is_nobody or user.problem
        if earlier is None or is_open or mapped.manager != earlier.manager:
            manager = managers.resolve_manager(user, mapped.manager)
        problems = _provision_person(task, mapped, manager)
        _apply_activity(user, was_active=was_active)
    _list(task, problems, sent=_newly_sent(task, earlier))
    if is_nobody and user.person and before is not None:
        # Groups may have waited for the person, unless the resource is as new as they are.
        group_roles.schedule()


def _comes_back(user: ScimUser, before: Json | None, *, was_active: bool | None) -> bool:
    """Tell whether an inactive person returns, and is not only reactivated.

    The provider deleted them, has them anew, or has turned the resource into somebody else:
    then the resource may stand for another human being by now.
    """
    person = user.person
    if person is None or person.state != Person.State.INACTIVE:
        return False
    if was_active is None or before is None or person.detached_at:
        return True
    earlier = ScimUser(
        connection=user.connection,
        document=before,
        scim_username=before["userName"],
        scim_external_id=before.get("externalId", ""),
    )
    return not compare(Traits.of(earlier), Traits.of(user)).is_same


def restore_managed_fields(task: ProvisioningTask) -> bool:
    """Restore managed fields that were changed by hand; tell whether any was restored.

    :raises PeopleError: if the rules refuse what the provider once asserted.
    """
    user, mapped = task.user, task.mapped
    task.subject.raw_values = mapped.raw_values
    with _holding(task):
        assert user.person
        # A manager who is no longer sent was removed by the provider.
        owns_manager = mapped.manager or "manager" in user.person.managed_fields
        older = user.person.profile
        profile = policies.filled(task.connection, mapped.profile, user.person)
        kept: dict[str, Any] = {name: getattr(older, name) for name in unfilled(mapped, profile)}
        waited_for = user.waiting_manager
        manager = managers.resolve_manager(user, mapped.manager) if owns_manager else KEEP
        role = policies.role(task.connection, profile.role, among=mapped.roles, current=older.role)
        has_changed = people_update.restore_managed_fields(
            user.person,
            replace(
                profile,
                role=role,
                unsaid=policies.unsaid(mapped.profile),
                **kept,
            ),
            actor=task.connection.actor,
            manager=manager,
            custom_values=_known_custom(mapped.custom_fields),
        )
        _follow_waiting(task, user.person, waited_for)
        return has_changed


def _follow_waiting(task: ProvisioningTask, person: Person, waited_for: str) -> None:
    """Record a manager who cannot be found now, or continue what waited for the previous one."""
    user = task.user
    if user.waiting_manager:
        user.problem = ScimUser.Problem.WAITING
        if person.is_active and user.waiting_manager != waited_for:
            sync_errors.record(task.connection, task.subject, InvalidManager(), request_id=None)
            user.has_errors = True
    elif waited_for:
        end_waiting(task.user, person)


def end_waiting(user: ScimUser, person: Person) -> None:
    """Release the invite that waited for the manager, and resolve the sync error."""
    connection = user.connection
    lifecycle.release_invite(person, actor=connection.actor, is_mailed=connection.mails_invites)
    user.has_errors = sync_errors.resolve_reason(user, InvalidManager.code)
    user.waiting_manager, user.problem = "", ScimUser.Problem.NONE


@contextmanager
def _holding(task: ProvisioningTask) -> Iterator[None]:
    """Lock the person of the resource, if there is one, for the duration of the block."""
    user = task.user
    if user.person_id is None:
        yield
        return
    if not task.person_is_locked:
        user.person = locks.lock_person(user.person_id)
    assert user.person is not None
    with locks.assume_locked(user.person):
        yield


def unfilled(mapped: MappedUser, profile: Profile) -> list[str]:
    """Return the required fields that the connection's defaults have not filled either."""
    return [name for name in mapped.missing if not getattr(profile, name) or "name" in name]


def _provision_person(
    task: ProvisioningTask, mapped: MappedUser, manager: Person | Keep | None
) -> list[PeopleError]:
    """Add or update the person, and return the problems that remain."""
    connection, person = task.connection, task.user.person
    profile = policies.filled(connection, mapped.profile, person)
    missing = unfilled(mapped, profile)
    if not missing:
        return _write(task, mapped, profile, manager)
    gap = policies.gap(missing)
    if connection.incomplete_policy == Connection.Incomplete.REFUSE:
        raise gap
    if person is None and connection.incomplete_policy == Connection.Incomplete.FILL:
        raise gap
    if person is None:
        return [gap]
    profile = replace(profile, **{name: getattr(person.profile, name) for name in missing})
    return [gap, *_write(task, mapped, profile, manager)]


def _write(
    task: ProvisioningTask, mapped: MappedUser, profile: Profile, manager: Person | Keep | None
) -> list[PeopleError]:
    user, connection = task.user, task.connection
    try:
        current = user.person.role if user.person else None
        role = policies.role(connection, profile.role, among=mapped.roles, current=current)
        profile = replace(profile, role=role, unsaid=policies.unsaid(mapped.profile))
        _write_person(task, mapped, profile, manager)
    except HOLDABLE as error:
        if connection.incomplete_policy != Connection.Incomplete.HOLD:
            raise
        if user.person:
            # Refused changes must not stay in memory, where the next rule would see them.
            user.person.refresh_from_db()
        elif unit_of_work.is_open():
            # Nobody has asked yet whether the address belongs to somebody who is to be linked.
            raise Conflict from error
        return [error]
    return [InvalidManager()] if user.waiting_manager else []


def _write_person(
    task: ProvisioningTask, mapped: MappedUser, profile: Profile, manager: Person | Keep | None
) -> None:
    user, actor = task.user, task.connection.actor
    custom = _known_custom(mapped.custom_fields)
    if user.person is None and _is_known(profile.email):
        user.person = _adopted(task, profile.email)
    if user.person is None:
        try:
            user.person = people.add_person(
                profile,
                actor=actor,
                manager=None if isinstance(manager, Keep) else manager,
                custom_values=custom,
                # A person who is created inactive is invited on activation.
                invitation=_invitation(user) if user.active else None,
            )
        except person_fields.DuplicateEmail:
            user.person = _adopted(task, profile.email)
        else:
            return
    if user.person.state == Person.State.TERMINATED:
        return  # Data from before the person left is kept.
    people_update.revise_person(
        user.person, profile, actor=actor, manager=manager, custom_values=custom
    )
    if user.problem == ScimUser.Problem.WAITING and not user.waiting_manager:
        lifecycle.release_invite(user.person, actor=actor, is_mailed=task.connection.mails_invites)


def _is_known(email: str) -> bool:
    """Tell whether somebody has the address already, unless the end of the request shows it.

    Adding first and linking on a conflict would leave a new department behind, and two
    concurrent links would deadlock.
    """
    if unit_of_work.is_open():
        return False
    return bool(Person.objects.having_address(email).exists())


def _adopted(task: ProvisioningTask, email: str) -> Person:
    """Return the person with the email address, if no connection manages them.

    :raises DuplicateEmail: if a connection manages the person; or if an administrator has to
        confirm the link, because the role is elevated or the connection always asks.
    """
    person: Person = Person.objects.having_address(email).get()
    # Two connections may adopt the same person at once; the second one sees the first.
    locks.lock(person)
    if is_owned(person) or not (task.may_link or links_by_itself(task, person)):
        raise person_fields.DuplicateEmail
    if not task.may_link and hooks.has_signed_in(person):
        # The person may only have claimed the address; from now on pairing has to confirm them.
        field_ownership.end_sessions(person)
    field_ownership.note_names(
        person, actor=task.connection.actor, user_name=task.user.scim_username
    )
    if person.state == Person.State.INACTIVE:
        # The provider may mean a new hire with the address of somebody who left.
        rehires.start_over(person, actor=task.connection.actor)
    # Resources of disconnected connections no longer belong to the person.
    person.scim_users.filter(deleted_at=None).update(person=None)
    return person


def is_owned(person: Person) -> bool:
    """Tell whether a connection that is not disconnected has them."""
    owners = person.scim_users.filter(deleted_at=None, connection__disconnected_at=None)
    return owners.exists()


def links_by_itself(task: ProvisioningTask, person: Person) -> bool:
    """Tell whether the person may be linked without an administrator's confirmation."""
    asks = task.connection.email_link == Connection.EmailLink.ASK
    if asks or base_roles.is_privileged(person):
        return False
    left = MatchDecision.objects.filter(user=task.user, choice=MatchDecision.Choice.LEAVE)
    return not left.exists()


def _known_custom(values: Mapping[str, str]) -> dict[str, str]:
    """Keep the values of fields that the tenant has; an absent one is left as it is."""
    if not values:
        return {}
    names = CustomField.objects.filter(external_name__in=values)
    return {name: values[name] for name in names.values_list("external_name", flat=True)}


def _apply_activity(user: ScimUser, *, was_active: bool | None) -> None:
    """Deactivate or reactivate the person when the provider's `active` changes.

    A resource that is new or back counts as a change. A repeated `active` does not: a person
    whom an administrator deactivated or reactivated by hand stays so.
    """
    if user.person is None or user.active == was_active:
        return
    actor = user.connection.actor
    if not user.active:
        people.deactivate_person(user.person, actor=actor)
    elif not user.person.is_active:
        people.reactivate_person(user.person, actor=actor, invitation=_invitation(user))


def _invitation(user: ScimUser) -> Invitation:
    is_held = user.waiting_manager and not sync_errors.is_invited_anyway(user)
    return Invitation(
        hold_reason=managers.WAITS if is_held else "",
        is_mailed=user.connection.mails_invites,
    )


def _newly_sent(task: ProvisioningTask, earlier: MappedUser | None) -> sync_errors.SentValues:
    """Return the fields that the request sent: all of a PUT or POST, of a PATCH what changed.

    Reading a resource again, and a retry by an administrator, send nothing new.
    """
    mapped = task.mapped
    if not task.request_id:
        return {}
    if earlier is None or task.is_whole:
        return mapped.raw_values | {sync_errors.MISSING: ""}
    changed = {
        name: value
        for name, value in mapped.raw_values.items()
        if value != earlier.raw_values[name]
    }
    return changed | ({sync_errors.MISSING: ""} if mapped.missing != earlier.missing else {})


def _list(
    task: ProvisioningTask, problems: list[PeopleError], *, sent: sync_errors.SentValues
) -> None:
    """Keep the listed problems of the resource to those that are left."""
    user = task.user
    if user.person and not user.person.is_active:
        # The manager of a person who left needs no action.
        problems = [one for one in problems if one.code != InvalidManager.code]
    if user.waiting_manager:
        user.problem = ScimUser.Problem.WAITING
    else:
        user.problem = ScimUser.Problem.INCOMPLETE if problems else ScimUser.Problem.NONE
    task.subject.user = user
    for problem in problems:
        sync_errors.record(task.connection, task.subject, problem, request_id=task.request_id)
    if user.has_errors:
        codes = {problem.code for problem in problems}
        is_left = sync_errors.resolve(user, except_for=codes, sent=sent)
        user.has_errors = is_left or bool(problems)
    else:
        user.has_errors = bool(problems)
