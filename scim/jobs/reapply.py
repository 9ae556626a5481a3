"""Re-apply the stored resources of a connection after its settings changed.

A provider does not send again what has not changed there. So after a change of the mapping, the
sync cycle updates each person from their stored resource. After a disconnect, it releases the
managed fields. It processes one person per transaction and continues after the last one in the
next cycle. A preview does the same and rolls back.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.operations import field_ownership, person_fields
from people.values import PeopleError, normalize_key
from scim.api.adapters import UserAdapter
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.rfc.strict_json import Json
from scim.sync import group_roles, provision, sync_errors
from scim.sync.attribute_mapping import extension_paths, text_at
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

# Less than CELERY_TASK_SOFT_TIME_LIMIT, which applies to the whole cycle. The next one continues.
MAX_SECONDS = 40
# Usually there are few such users.
FREED_SECONDS = 10
BATCH_SIZE = 200
# How many resources are checked for a warning, and how many a preview shows.
COVERAGE_SAMPLE = 500
PREVIEW_SIZE = 12
# Several requests may be about the same user, so more are read than are shown.
RECENT_REQUESTS = 200

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
            others = ScimUser.objects.filter(
                person=OuterRef("pk"), deleted_at=None, connection__disconnected_at=None
            )
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
                _provision_again(ProvisioningTask(user, subject))
    except PeopleError as error:
        # In a transaction of its own, because that of the resource was rolled back.
        with transaction.atomic():
            sync_errors.record(connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user_id).update(has_errors=True)


def _provision_again(task: ProvisioningTask) -> None:
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


@dataclass
class ReapplyPreview:
    """The values of a person before and after re-applying their resource."""

    user: ScimUser
    before: dict[str, str]
    after: dict[str, str]
    problem: PeopleError | None = None

    @property
    def is_new(self) -> bool:
        return not self.before and bool(self.after)

    @property
    def changed(self) -> list[str]:
        return [
            name
            for name in self.before | self.after
            if self.before.get(name) != self.after.get(name)
        ]


def preview_reapply(connection: Connection) -> list[ReapplyPreview]:
    """Re-apply the most recent resources with the unsaved settings, and roll back."""
    with transaction.atomic():
        # The resources of the latest requests come first, followed by the newest ones.
        requests = RequestLog.objects.filter(connection=connection).order_by("-received_at")
        recent = requests.values_list("user_id", flat=True)[:RECENT_REQUESTS]
        users = ScimUser.objects.known_to(connection)
        mentioned = {user_id: None for user_id in recent if user_id}
        known = set(users.filter(pk__in=mentioned).values_list("pk", flat=True))
        newest = users.order_by("-pk").values_list("pk", flat=True)[:PREVIEW_SIZE]
        chosen = dict.fromkeys([*(one for one in mentioned if one in known), *newest])
        previews = [_preview_user(connection, user_id) for user_id in list(chosen)[:PREVIEW_SIZE]]
        transaction.set_rollback(True)
    return previews


def _preview_user(connection: Connection, user_id: int) -> ReapplyPreview:
    user = ScimUser.objects.select_related("person").get(pk=user_id)
    user.connection = connection
    preview = ReapplyPreview(user, before=_person_values(user.person_id), after={})
    try:
        with transaction.atomic():
            _provision_again(
                ProvisioningTask(user, SyncErrorSubject(user_name=user.scim_username, user=user))
            )
    except PeopleError as error:
        preview.problem, preview.after = error, preview.before
    else:
        preview.after = _person_values(user.person_id)
    return preview


def _person_values(person_id: UUID | None) -> dict[str, str]:
    if person_id is None:
        return {}
    people = Person.objects.select_related("department", "location", "manager")
    person = people.get(pk=person_id)
    manager = {"manager": person.manager.full_name} if person.manager else {}
    return person_fields.snapshot(person) | manager


@dataclass(frozen=True)
class PathCoverage:
    """The number of checked resources in which a path finds a value."""

    found: int
    among: int


def path_coverage(connection: Connection, paths: Iterable[str]) -> dict[str, PathCoverage]:
    """Count the newest resources in which each path finds a value."""
    documents = _newest_documents(connection)
    return {
        path: PathCoverage(
            sum(bool(text_at(document, path)) for document in documents), len(documents)
        )
        for path in paths
    }


def extension_coverage(connection: Connection) -> dict[str, PathCoverage]:
    """Count the newest resources with each attribute of extensions that Ramp does not know."""
    documents = _newest_documents(connection)
    found = Counter(path for document in documents for path in extension_paths(document))
    return {path: PathCoverage(found[path], len(documents)) for path in sorted(found)}


def _newest_documents(connection: Connection) -> list[Json]:
    newest = ScimUser.objects.known_to(connection).order_by("-pk")
    return list(newest.values_list("document", flat=True)[:COVERAGE_SAMPLE])


def reapply_remaining(connection: Connection) -> QuerySet[ScimUser]:
    return stored_users(connection).filter(pk__gt=connection.reapply_cursor)
