"""Re-apply the stored resources of a connection after its settings changed.

A provider does not send again what has not changed there. So after a change of the mapping, the
sync cycle updates each person from their stored resource. After a disconnect, it releases the
managed fields. It processes one person per transaction and continues after the last one in the
next cycle.
"""

from datetime import datetime
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.operations import field_ownership
from people.values import PeopleError, normalize_key
from scim.api.adapters import UserAdapter
from scim.models import Connection, ScimUser, SyncError
from scim.sync import group_roles, provision, sync_errors
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

# Less than CELERY_TASK_SOFT_TIME_LIMIT, which applies to the whole cycle. The next one continues.
MAX_SECONDS = 40
# Usually there are few such users.
FREED_SECONDS = 10
BATCH_SIZE = 200

# The columns that processing a resource again may change.
SAVED_FIELDS = (
    *("person", "problem", "has_errors", "waiting_manager"),
    *("document", "rendered", "email_key"),
)


def run_batch(*, seconds: float = MAX_SECONDS) -> int:
    """Re-apply the resources of all connections whose settings changed; return how many."""
    until, done = monotonic() + seconds, 0
    with tenancy.across_tenants():
        changed = list(Connection.objects.filter(reapply_cursor__isnull=False))
    for connection in changed:
        with tenancy.use(connection.tenant_id):
            done += reapply(connection, until=until)
    return done


def provision_freed_addresses(*, seconds: float = FREED_SECONDS) -> int:
    """Provision users of the tenants in force whose email address has become free.

    Their provider does not send them again. Those who were tried least recently come first, and
    the tenants take turns, so that users who are refused again never keep others waiting.

    :returns: how many were tried.
    """
    started, until, done = timezone.now(), monotonic() + seconds, 0
    while batch := list(_freed_users(before=started)[:BATCH_SIZE]):
        for error in batch:
            with tenancy.use(error.tenant_id):
                # Before the attempt, so that one that fails does not keep the others waiting.
                SyncError.objects.filter(pk=error.pk).update(retried_at=timezone.now())
                _reapply_user(error.connection, error.user_id)
        done += len(batch)
        if monotonic() > until:
            break
    return done


def _freed_users(*, before: datetime) -> QuerySet[Any]:
    """Return the errors about addresses that nobody has any more, in the order of their turns.

    The users of those errors were last tried before the given time.
    """
    holders = Person.objects.in_lists().filter(
        tenant=OuterRef("tenant"), email_key=OuterRef("user__email_key"), detached_at=None
    )
    listed = SyncError.objects.filter(
        Q(retried_at=None) | Q(retried_at__lt=before),
        ~Exists(holders),
        reason=SyncError.Reason.DUPLICATE_EMAIL,
        resolved_at=None,
        user__person=None,
        user__deleted_at=None,
        connection__activated_at__isnull=False,
        connection__disconnected_at=None,
    )
    least_recent = F("retried_at").asc(nulls_first=True)
    turn = Window(RowNumber(), partition_by="tenant", order_by=[least_recent, F("pk").asc()])
    return listed.select_related("connection").annotate(turn=turn).order_by("turn", "pk")


def reapply(connection: Connection, *, until: float) -> int:
    """Re-apply the resources of one connection until the time is over; return how many."""
    done = 0
    while monotonic() < until:
        connection.refresh_from_db()
        after = connection.reapply_cursor
        if after is None:
            break
        users = list(stored_users(connection).filter(pk__gt=after).order_by("pk")[:BATCH_SIZE])
        if connection.disconnected_at:
            theirs = [user.person_id for user in users if user.person_id]
            # Another connection may manage the person by now.
            others = ScimUser.objects.managing().filter(person=OuterRef("pk"))
            free = Person.objects.filter(~Exists(others), pk__in=theirs)
            field_ownership.release_fields(free.values_list("pk", flat=True))
        else:
            for user in users:
                _reapply_user(connection, user.pk)
        # If the settings have changed again, the cursor is 0 and stays, to start from the top.
        here = Connection.objects.filter(pk=connection.pk, reapply_cursor=after)
        here.update(reapply_cursor=users[-1].pk if users else None)
        done += len(users)
    return done


def stored_users(connection: Connection) -> QuerySet[ScimUser]:
    """Return the connection's resources; if it is disconnected, the deleted ones too.

    People of deleted resources may still have managed fields to release.
    """
    users = ScimUser.objects.filter(connection=connection).only("pk", "person_id")
    return users if connection.disconnected_at else users.filter(deleted_at=None)


def _reapply_user(connection: Connection, user_id: int) -> None:
    subject = SyncErrorSubject()
    # Terminated people are not changed.
    users = ScimUser.objects.known_to(connection).exclude(person__state=Person.State.TERMINATED)
    users = users.select_related("person").select_for_update(of=("self",))
    try:
        with transaction.atomic():
            user = users.filter(pk=user_id).first()
            if user is not None:
                user.connection = connection
                subject.user, subject.user_name = user, user.scim_username
                provision_again(ProvisioningTask(user, subject))
    except PeopleError as error:
        # In a transaction of its own, because that of the resource was rolled back.
        with transaction.atomic():
            sync_errors.record(connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user_id).update(has_errors=True)


def provision_again(task: ProvisioningTask) -> None:
    """Update the person from the resource under the connection's settings.

    :raises PeopleError: if the rules or the policies refuse that.
    """
    user = task.user
    has_open_problem = user.active and bool(user.problem or user.has_errors)
    if user.person_id and not has_open_problem:
        # Manual (de)activation is kept, because the provider sent nothing new about it.
        provision.restore_person(task)
    else:
        was_active = user.active if user.person_id else None
        provision.provision(task, None, was_active=was_active)
        group_roles.schedule()
    user.email_key = normalize_key(task.mapped.profile.email)
    UserAdapter(user).render()
    user.save(update_fields=SAVED_FIELDS)


def reapply_remaining(connection: Connection) -> QuerySet[ScimUser]:
    return stored_users(connection).filter(pk__gt=connection.reapply_cursor)
