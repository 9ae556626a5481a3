"""The initial import: provision people from what a connection received before its activation.

Each resource is a separate transaction, and so is each deactivation that an administrator chose.
The rows show what is left to do, so the next run continues if a worker dies.
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
from people.operations import locks, people, person_fields, ranks
from people.values import Actor, PeopleError
from scim.api.adapters import UserAdapter
from scim.jobs import match_report, waiting_managers
from scim.models import Connection, MatchDecision, RequestLog, ScimUser
from scim.sync import group_roles, linking, provision, sync_errors
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

log = logging.getLogger(__name__)

Choice = MatchDecision.Choice
# A request that began before activation may store a resource after it; it has ended by then.
GRACE = timedelta(minutes=1)
SAVED_FIELDS = ("document", "rendered", "person", "problem", "has_errors", "waiting_manager")


def unfinished_connections() -> list[Connection]:
    """Return the live connections of all tenants whose initial import is not finished."""
    with tenancy.across_tenants():
        live = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None)
        return list(live.filter(initial_import_finished_at=None).order_by("activated_at"))


def import_batch(connections: Iterable[Connection], *, seconds: float) -> tuple[int, bool]:
    """Import for as long as the time allows.

    :returns: the number of processed resources and deactivated people, and whether all is done.
    """
    stop_at, done = monotonic() + seconds, 0
    for connection in connections:
        with tenancy.use(connection.tenant_id):
            imported, is_all = _import_connection(connection, stop_at)
        done += imported
        if not is_all:
            return done, False
    return done, True


def _import_connection(connection: Connection, stop_at: float) -> tuple[int, bool]:
    done = 0
    # Only the ids, because each resource is read again under its lock.
    users = match_report.waiting_users(connection).order_by("pk")
    for user_id in list(users.values_list("pk", flat=True)):
        if monotonic() > stop_at:
            return done, False
        done += _import_user(user_id)
    choices = MatchDecision.objects.filter(connection=connection, person__isnull=False)
    for choice in choices.select_related("person").order_by("pk"):
        done += _apply_decision(connection, choice)
    # A manager may have been imported after a report.
    waiting = ScimUser.objects.known_to(connection).exclude(waiting_manager="")
    waiting_managers.resolve_waiting(waiting.only("pk"))
    assert connection.activated_at
    now = timezone.now()
    if (
        now - connection.activated_at > GRACE
        and not match_report.waiting_users(connection).exists()
    ):
        Connection.objects.filter(pk=connection.pk).update(initial_import_finished_at=now)
    return done, True


def _import_user(user_id: int) -> bool:
    """Import one resource, and tell whether it had not been imported yet."""
    subject = SyncErrorSubject()
    users = ScimUser.objects.select_related("connection").filter(
        deleted_at=None,
        person=None,
        problem=ScimUser.Problem.NONE,
        connection__disconnected_at=None,
    )
    # `skip_locked`: another worker, or a request of the provider, is processing the resource.
    users = users.select_for_update(of=("self",), skip_locked=True)
    try:
        with transaction.atomic():
            user = users.filter(pk=user_id).first()
            if user is None:
                return False
            subject.user, subject.user_name = user, user.scim_username
            request_id = _last_request(user)
            # The timeline then links the change to the request that sent the resource.
            with events.caused_by(request_id) if request_id else nullcontext():
                _provision(ProvisioningTask(user, subject, request_id))
    except PeopleError as error:
        # After the rollback, so that the sync error is kept.
        _record_error(subject, error)
    except Exception:
        # An unexpected error must not stop the other resources; the next run tries again.
        log.exception("SCIM user %s could not be imported.", user_id)
        return False
    return True


def _last_request(user: ScimUser) -> UUID | None:
    """Return the id of the last request that wrote the resource, if it is still in the log."""
    written = RequestLog.objects.filter(user=user, status__lt=400)
    latest = written.order_by("-received_at").values_list("pk", flat=True)
    return latest.first()


def _provision(task: ProvisioningTask) -> None:
    """Add a person for the resource, or link the person it belongs to.

    :raises PeopleError: if the rules or the policies refuse that.
    :raises DuplicateEmail: also if another connection manages the person; if an administrator chose
        not to link them; or if the link still needs an administrator's confirmation.
    """
    user = task.user
    choice = MatchDecision.objects.filter(user=user).values_list("choice", flat=True).first()
    task.subject.raw_values = task.mapped.raw_values
    task.may_link = choice == Choice.LINK
    # The person that the resource had before its provider was disconnected.
    earlier = match_report.earlier_person(user)
    if earlier is not None:
        locks.lock(earlier)
        links_automatically = choice != Choice.LEAVE and linking.links_automatically(user, earlier)
        if linking.is_managed(earlier) or not (task.may_link or links_automatically):
            raise person_fields.DuplicateEmail
        # A person has at most one live resource (`scim_user_of_person`).
        earlier.scim_users.filter(deleted_at=None).update(person=None)
        user.person = earlier
    provision.provision(task, None, was_active=None)
    UserAdapter(user).render()
    user.save(update_fields=SAVED_FIELDS)
    group_roles.schedule()


def _record_error(subject: SyncErrorSubject, error: PeopleError) -> None:
    user = subject.user
    assert user
    with transaction.atomic():
        # The rollback has not changed the object in memory.
        user.person = None
        sync_errors.record(user.connection, subject, error, request_id=_last_request(user))
        ScimUser.objects.filter(pk=user.pk, person=None).update(
            problem=ScimUser.Problem.INCOMPLETE, has_errors=True
        )


def _apply_decision(connection: Connection, choice: MatchDecision) -> bool:
    """Apply and delete the decision about a person who exists only in Ramp.

    Nobody is deactivated whom the provider has sent since the decision. Return whether the person
    was deactivated.
    """
    person = choice.person
    assert person
    subject = SyncErrorSubject(user_name=person.email)
    done = False
    try:
        is_still_unmatched = match_report.only_in_ramp(connection).filter(pk=person.pk).exists()
        if choice.choice == Choice.DEACTIVATE and is_still_unmatched:
            reason = f"Chosen when {connection} was connected"
            done = people.deactivate_person(
                person, actor=Actor.read(choice.decided_by), reason=reason
            )
    except PeopleError as error:
        with transaction.atomic():
            sync_errors.record(connection, subject, error, request_id=None)
    except ranks.RankRefused:
        # The role of one of the two has changed since the decision. The refusal is logged.
        done = False
    choice.delete()
    return done
