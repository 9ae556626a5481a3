"""Carrying over what a connection had received before it was activated.

Each resource is a transaction of its own, and so is each deactivation that was asked for.
Which are left shows in the rows: a worker that dies leaves the rest to the next one.
"""

import logging
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from people import events, tenancy
from people.models import Person
from people.operations import locks, people, person_fields, ranks
from people.values import Actor, PeopleError
from scim.api.adapters import UserAdapter
from scim.jobs import match_report, periodic
from scim.models import Connection, MatchDecision, RequestLog, ScimUser
from scim.sync import group_roles, provision, sync_errors
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

log = logging.getLogger(__name__)

Choice = MatchDecision.Choice
# Requests that began before activation have come to an end by then.
GRACE = timedelta(minutes=1)
CARRIED = ("document", "rendered", "person", "problem", "has_errors", "waiting_manager")


def unfinished() -> list[Connection]:
    """Return the live connections, all tenants', with something left to carry over."""
    with tenancy.across_tenants():
        live = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None)
        return list(live.filter(initial_import_finished_at=None).order_by("activated_at"))


def import_batch(connections: Iterable[Connection], *, seconds: float) -> tuple[int, bool]:
    """Carry over as much as the time allows; return how much, and whether that was all."""
    stop_at, done = monotonic() + seconds, 0
    for connection in connections:
        with tenancy.use(connection.tenant_id):
            carried, is_all = _carry_over(connection, stop_at)
        done += carried
        if not is_all:
            return done, False
    return done, True


def _carry_over(connection: Connection, stop_at: float) -> tuple[int, bool]:
    done = 0
    users = match_report.waiting_users(connection).order_by("pk")
    for user_id in list(users.values_list("pk", flat=True)):
        if monotonic() > stop_at:
            return done, False
        done += _try(user_id)
    choices = MatchDecision.objects.filter(connection=connection, person__isnull=False)
    for choice in choices.select_related("person").order_by("pk"):
        done += _settle(connection, choice)
    waiting = ScimUser.objects.known_to(connection).exclude(waiting_manager="")
    periodic.resolve_waiting(waiting.only("pk"))
    assert connection.activated_at
    now = timezone.now()
    if (
        now - connection.activated_at > GRACE
        and not match_report.waiting_users(connection).exists()
    ):
        Connection.objects.filter(pk=connection.pk).update(initial_import_finished_at=now)
    return done, True


def _try(user_id: int) -> bool:
    """Import one resource, and tell whether it had not been imported yet."""
    subject = SyncErrorSubject()
    try:
        with transaction.atomic():
            user = _hold(user_id)
            if user is None:
                return False
            subject.user, subject.user_name = user, user.scim_username
            request_id = _last_request(user)
            with events.caused_by(request_id) if request_id else nullcontext():
                _carry(ProvisioningTask(user, subject, request_id))
    except PeopleError as error:
        _list(subject, error)
    except Exception:
        # An unexpected error must not stop the other resources; the next run tries again.
        log.exception("SCIM user %s could not be imported.", user_id)
        return False
    return True


def _hold(user_id: int) -> ScimUser | None:
    users = ScimUser.objects.select_related("connection")
    users = users.filter(
        deleted_at=None,
        person=None,
        problem=ScimUser.Problem.NONE,
        connection__disconnected_at=None,
    )
    return users.select_for_update(of=("self",), skip_locked=True).filter(pk=user_id).first()


def _last_request(user: ScimUser) -> UUID | None:
    """Return the last request that wrote the resource, if it is still in the log."""
    written = RequestLog.objects.filter(user=user, status__lt=400)
    latest = written.order_by("-received_at").values_list("pk", flat=True)
    return latest.first()


def _carry(task: ProvisioningTask) -> None:
    user = task.user
    choice = MatchDecision.objects.filter(user=user).values_list("choice", flat=True).first()
    task.subject.raw_values = task.mapped.raw_values
    task.may_link = choice == Choice.LINK
    person = match_report.had_earlier(user)
    if person is not None:
        _take_back(task, person, is_left=choice == Choice.LEAVE)
    provision.provision(task, None, was_active=None)
    UserAdapter(user).render()
    user.save(update_fields=CARRIED)
    group_roles.schedule()


def _take_back(task: ProvisioningTask, person: Person, *, is_left: bool) -> None:
    """Link the resource to the person it had before its provider was disconnected.

    :raises operations.DuplicateEmail: if they have another owner; or if an administrator left
        them, or has not said yet that they are meant although they are elevated.
    """
    locks.lock(person)
    by_itself = not is_left and provision.links_by_itself(task, person)
    if provision.is_owned(person) or not (task.may_link or by_itself):
        raise person_fields.DuplicateEmail
    person.scim_users.filter(deleted_at=None).update(person=None)
    task.user.person = person


def _list(subject: SyncErrorSubject, error: PeopleError) -> None:
    user = subject.user
    assert user
    with transaction.atomic():
        # What was undone is in memory still.
        user.person = None
        sync_errors.record(user.connection, subject, error, request_id=_last_request(user))
        ScimUser.objects.filter(pk=user.pk, person=None).update(
            problem=ScimUser.Problem.INCOMPLETE, has_errors=True
        )


def _settle(connection: Connection, choice: MatchDecision) -> bool:
    """Deactivate the people an administrator chose, unless the provider has sent them since."""
    person = choice.person
    assert person
    subject = SyncErrorSubject(user_name=person.email)
    done = False
    try:
        is_still_so = match_report.only_here(connection).filter(pk=person.pk).exists()
        if choice.choice == Choice.DEACTIVATE and is_still_so:
            reason = f"Chosen when {connection} was connected"
            done = people.deactivate_person(
                person, actor=Actor.read(choice.decided_by), reason=reason
            )
    except PeopleError as error:
        with transaction.atomic():
            sync_errors.record(connection, subject, error, request_id=None)
    except ranks.RankRefused:
        # The person or the administrator has another rank since; the refusal is in the log.
        done = False
    choice.delete()
    return done
