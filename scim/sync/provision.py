"""Provisioning: from an accepted resource to its person.

The resource is what the provider sent; the person is the company's record. This module applies
the resource to the person through the operations of people, under the policies of the
connection, and records what cannot be applied as sync errors.

A resource is in one of these states. The last column says what `provision` does with values that
did not change:

| person | problem    | has_errors | unchanged values are                             |
|--------|------------|------------|--------------------------------------------------|
| yes    | none       | False      | skipped                                          |
| yes    | none       | True       | applied again                                    |
| yes    | incomplete | any        | applied again, and the manager is looked up anew |
| yes    | waiting    | any        | applied again, and the manager is looked up anew |
| no     | any        | any        | applied in full, because nothing was applied yet |

`problem` says what the person lacks. `has_errors` says whether a sync error is unresolved (open
or dismissed). Not every error is a problem: a person with several roles lacks nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from people.db import unit_of_work
from people.db.unit_of_work import Conflict
from people.models import CustomField, Person
from people.operations import (
    locks,
    people,
    people_update,
    person_fields,
    place_lookup,
    rehires,
)
from people.operations.invites import lifecycle
from people.operations.mail_outbox import withhold_mail
from people.operations.managers import InvalidManager
from people.operations.roles import base_roles
from people.values import KEEP, Invitation, Keep, PeopleError, Profile
from scim.models import Connection, ScimUser
from scim.rfc.strict_json import Json
from scim.sync import group_roles, linking, managers, policies, sync_errors
from scim.sync.attribute_mapping import MappedUser, profile_of
from scim.sync.match_evidence import Traits, compare
from scim.sync.sync_errors import SyncErrorSubject

# Errors for which a connection with the policy HOLD stores the resource instead of refusing it.
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
        """The person's values in the resource, by the mapping of the connection."""
        return profile_of(self.user.document, self.connection.mapping)


def provision(task: ProvisioningTask, before: Json | None, *, was_active: bool | None) -> None:
    """Apply the resource to its person. The caller saves the resource afterwards.

    `before` is the previous document and `was_active` the previous activity; both are None for a
    resource that is new or returns. A problem that the policies tolerate becomes a sync error.

    :raises PeopleError: if the rules or the connection's policies refuse the resource.
    """
    user, mapping = task.user, task.connection.mapping
    if not task.connection.is_live:
        return
    mapped = task.mapped
    task.subject.raw_values = mapped.raw_values
    sent_id = user.document.get("externalId", "")
    if user.person_id and before is not None and sent_id != before.get("externalId", ""):
        with _person_locked(task):
            assert user.person
            user.person.save(update_fields=["changed_at"])
    earlier = profile_of(before, mapping) if before is not None else None
    # A problem of an earlier request may be gone, although this request sends the same values.
    is_settled = user.person_id is not None and not (user.problem or user.has_errors)
    if mapped == earlier and was_active == user.active and is_settled:
        return
    is_unlinked = user.person_id is None
    with _person_locked(task), withhold_mail(task.connection.mail_withheld_because):
        if user.person and _is_rehire(user, user.person, before, was_active=was_active):
            rehires.start_over(user.person, actor=task.connection.actor)
        manager: Person | Keep | None = KEEP
        if earlier is None or is_unlinked or user.problem or mapped.manager != earlier.manager:
            manager = managers.resolve_manager(user, mapped.manager)
        problems = _provision_person(task, mapped, manager)
        # A repeated `active` is not applied: it must not undo a manual deactivation or
        # reactivation by an administrator. To the person of an unlinked resource, nothing was
        # applied yet.
        if is_unlinked or user.active != was_active:
            _apply_activity(user)
    _record_problems(task, problems, sent=_newly_sent(task, earlier))
    if is_unlinked and user.person and before is not None:
        # An existing resource may be a member of groups that grant roles to its new person.
        group_roles.schedule()


def _is_rehire(
    user: ScimUser, person: Person, before: Json | None, *, was_active: bool | None
) -> bool:
    """Tell whether an inactive person is rehired, and not only reactivated.

    That is so if the provider had deleted the person, or created them again, or changed the
    resource into somebody else: by now the resource may belong to another human being.
    """
    if person.state != Person.State.INACTIVE:
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


def restore_person(task: ProvisioningTask) -> bool:
    """Restore managed fields that were changed by hand; tell whether any was restored.

    :raises PeopleError: if the rules now refuse a value that the provider sent earlier.
    """
    user, mapped = task.user, task.mapped
    task.subject.raw_values = mapped.raw_values
    with _person_locked(task), withhold_mail(task.connection.mail_withheld_because):
        assert user.person
        # A manager who is no longer sent was removed by the provider.
        owns_manager = mapped.manager or "manager" in user.person.managed_fields
        older = user.person.profile
        profile = policies.fill_defaults(task.connection, mapped.profile, user.person)
        kept: dict[str, Any] = {
            name: getattr(older, name) for name in missing_fields(mapped, profile)
        }
        earlier_waiting = user.waiting_manager
        manager = managers.resolve_manager(user, mapped.manager) if owns_manager else KEEP
        role = policies.translate_role(
            task.connection, profile.role, among=mapped.roles, current=older.role
        )
        has_changed = people_update.restore_managed_fields(
            user.person,
            replace(
                profile,
                role=role,
                unspecified=policies.unsent_fields(mapped.profile),
                **kept,
            ),
            actor=task.connection.actor,
            manager=manager,
            custom_values=_existing_custom_fields(mapped.custom_fields),
        )
        _update_waiting(task, user.person, earlier_waiting)
        return has_changed


def _update_waiting(task: ProvisioningTask, person: Person, earlier_waiting: str) -> None:
    """Record a manager who cannot be found any more, or end the wait for one who was found."""
    user = task.user
    if user.waiting_manager:
        user.problem = ScimUser.Problem.WAITING
        if person.is_active and user.waiting_manager != earlier_waiting:
            sync_errors.record(task.connection, task.subject, InvalidManager(), request_id=None)
            user.has_errors = True
    elif earlier_waiting:
        end_waiting(user, person)


def end_waiting(user: ScimUser, person: Person) -> None:
    """Release the invite that waited for the manager, and resolve the sync error."""
    connection = user.connection
    with withhold_mail(connection.mail_withheld_because):
        lifecycle.release_invite(person, actor=connection.actor, is_mailed=connection.mails_invites)
    user.has_errors = sync_errors.resolve_reason(user, InvalidManager.code)
    user.waiting_manager, user.problem = "", ScimUser.Problem.NONE


@contextmanager
def _person_locked(task: ProvisioningTask) -> Iterator[None]:
    """Lock the person of the resource, if it has one; operations in the block rely on that."""
    user = task.user
    if user.person_id is None:
        yield
        return
    if not task.person_is_locked:
        user.person = locks.lock_person(user.person_id)
    assert user.person is not None
    with locks.assume_locked(user.person):
        yield


def missing_fields(mapped: MappedUser, profile: Profile) -> list[str]:
    """Return the required fields that are missing even after the connection's defaults.

    There are no defaults for names: an unusable name is not blank in the profile.
    """
    return [name for name in mapped.missing if not getattr(profile, name) or "name" in name]


def _provision_person(
    task: ProvisioningTask, mapped: MappedUser, manager: Person | Keep | None
) -> list[PeopleError]:
    """Add or update the person, and return the problems that remain."""
    connection, person = task.connection, task.user.person
    profile = policies.fill_defaults(connection, mapped.profile, person)
    missing = missing_fields(mapped, profile)
    if not missing:
        return _save_person(task, mapped, profile, manager)
    missing_error = policies.missing_fields_error(missing)
    if connection.current_incomplete_policy == Connection.Incomplete.REFUSE:
        raise missing_error
    if person is None and connection.current_incomplete_policy == Connection.Incomplete.FILL:
        raise missing_error
    if person is None:
        return [missing_error]
    profile = replace(profile, **{name: getattr(person.profile, name) for name in missing})
    return [missing_error, *_save_person(task, mapped, profile, manager)]


def _save_person(
    task: ProvisioningTask, mapped: MappedUser, profile: Profile, manager: Person | Keep | None
) -> list[PeopleError]:
    user, connection = task.user, task.connection
    try:
        current = user.person.role if user.person else None
        role = policies.translate_role(
            connection, profile.role, among=mapped.roles, current=current
        )
        profile = replace(profile, role=role, unspecified=policies.unsent_fields(mapped.profile))
        _add_or_revise(task, mapped, profile, manager)
    except HOLDABLE as error:
        if connection.current_incomplete_policy != Connection.Incomplete.HOLD:
            raise
        if user.person:
            # Refused changes must not stay in memory, where the next rule would see them.
            user.person.refresh_from_db()
        elif unit_of_work.is_open():
            # This attempt has not looked up who has the address (`_add_or_revise`). The next one
            # does, and may link that person.
            raise Conflict from error
        return [error]
    problems: list[PeopleError] = [InvalidManager()] if user.waiting_manager else []
    if mapped.roles and role:
        problems.append(policies.SeveralRoles(mapped.roles, role))
    return problems


def _add_or_revise(
    task: ProvisioningTask, mapped: MappedUser, profile: Profile, manager: Person | Keep | None
) -> None:
    user, actor = task.user, task.connection.actor
    custom = _existing_custom_fields(mapped.custom_fields)
    # In a unit of work, the unique constraint reports a taken address when the rows are stored, and
    # the request is processed again without one. Adding first and linking on a conflict would leave
    # a new department behind, and two concurrent links would deadlock.
    looks_up_address = user.person is None and not unit_of_work.is_open()
    if looks_up_address and Person.objects.having_address(profile.email).exists():
        user.person = linking.link_existing_person(user, profile.email, is_confirmed=task.may_link)
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
            # Somebody has the address after all, such as a person whom another request has added.
            user.person = linking.link_existing_person(
                user, profile.email, is_confirmed=task.may_link
            )
        else:
            return
    if user.person.state == Person.State.TERMINATED:
        return  # Data from before the person left is kept.
    people_update.revise_person(
        user.person, profile, actor=actor, manager=manager, custom_values=custom
    )
    # The invite was on hold until the manager arrived.
    if user.problem == ScimUser.Problem.WAITING and not user.waiting_manager:
        lifecycle.release_invite(user.person, actor=actor, is_mailed=task.connection.mails_invites)


def _existing_custom_fields(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the custom fields that the tenant has; others are ignored."""
    if not values:
        return {}
    names = CustomField.objects.filter(external_name__in=values)
    return {name: values[name] for name in names.values_list("external_name", flat=True)}


def _apply_activity(user: ScimUser) -> None:
    """Deactivate or reactivate the person, as the resource says."""
    if user.person is None:
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
    """Return the fields that the request sent: all for a POST or PUT, the changed ones for a PATCH.

    Re-applying a stored resource, and a retry by an administrator, send nothing new.
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


def _record_problems(
    task: ProvisioningTask, problems: list[PeopleError], *, sent: sync_errors.SentValues
) -> None:
    """Record the problems as sync errors, and resolve the resource's other sync errors."""
    user = task.user
    if user.person and not user.person.is_active:
        # The manager and the roles of a person who left need no action.
        needless = {InvalidManager.code, policies.SeveralRoles.code}
        problems = [one for one in problems if one.code not in needless]
    if user.waiting_manager:
        user.problem = ScimUser.Problem.WAITING
    else:
        # Somebody with several roles has one of them, and lacks nothing.
        is_incomplete = any(one.code != policies.SeveralRoles.code for one in problems)
        user.problem = ScimUser.Problem.INCOMPLETE if is_incomplete else ScimUser.Problem.NONE
    task.subject.user = user
    for problem in problems:
        sync_errors.record(task.connection, task.subject, problem, request_id=task.request_id)
    if user.has_errors:
        codes = {problem.code for problem in problems}
        is_left = sync_errors.resolve(user, except_for=codes, sent=sent)
        user.has_errors = is_left or bool(problems)
    else:
        user.has_errors = bool(problems)
