"""Re-apply the stored resources of a connection after its settings changed.

A provider does not send again what has not changed there. So when a mapping changes, the
cycle goes through the stored resources and brings each person to what theirs says now; when
a connection ends, it goes through them too, and lets go of the fields. It goes on from where
it was, in transactions of a person each, and a preview is the same thing taken back.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from people import tenancy
from people.models import Person
from people.operations import field_ownership, person_fields
from people.values import PeopleError, normalize_key
from scim.api.adapters import UserAdapter
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.sync import group_roles, provision, sync_errors
from scim.sync.attribute_mapping import text_at
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

# A worker has a minute and a half for the whole cycle; the next one goes on.
LONGEST_SECONDS = 40
AT_ONCE = 200
# How many resources a warning looks at, and how many a preview shows.
LOOKED_AT = 500
SHOWN = 12
RECENT_REQUESTS = 200

# What a resource may come to differ in when it is read again.
REREAD = (
    *("person", "problem", "has_errors", "waiting_manager"),
    *("document", "rendered", "email_key"),
)


def run_batch(*, seconds: float = LONGEST_SECONDS) -> int:
    """Go on with every connection whose settings changed; return with how many people."""
    until, done = monotonic() + seconds, 0
    with tenancy.across_tenants():
        changed = list(Connection.objects.filter(reapply_cursor__isnull=False))
    for connection in changed:
        with tenancy.use(connection.tenant_id):
            done += reapply(connection, until=until)
    return done


def provision_freed() -> int:
    """Provision those whose address was somebody else's and is free now, in all tenants.

    Their provider does not send them again. Return how many were looked at.
    """
    listed = SyncError.objects.filter(
        user=OuterRef("pk"), reason=SyncError.Reason.DUPLICATE_EMAIL, resolved_at=None
    )
    holders = Person.objects.in_lists().filter(
        tenant=OuterRef("tenant"), email_key=OuterRef("email_key"), detached_at=None
    )
    with tenancy.across_tenants():
        held = ScimUser.objects.filter(
            Exists(listed),
            ~Exists(holders),
            person=None,
            deleted_at=None,
            connection__activated_at__isnull=False,
            connection__disconnected_at=None,
        )
        users = list(held.select_related("connection").order_by("pk")[:AT_ONCE])
    for user in users:
        with tenancy.use(user.tenant_id):
            _read_again(user.connection, user.pk)
    return len(users)


def reapply(connection: Connection, *, until: float) -> int:
    """Go on with one connection while there is time; return with how many people."""
    done = 0
    while monotonic() < until:
        connection.refresh_from_db()
        after = connection.reapply_cursor
        if after is None:
            break
        users = list(held_by(connection).filter(pk__gt=after).order_by("pk")[:AT_ONCE])
        if connection.disconnected_at:
            _let_go(connection, users)
        else:
            for user in users:
                _read_again(connection, user.pk)
        # Unless the settings have changed once more: then it has begun anew.
        here = Connection.objects.filter(pk=connection.pk, reapply_cursor=after)
        here.update(reapply_cursor=users[-1].pk if users else None)
        done += len(users)
    return done


def held_by(connection: Connection) -> QuerySet[ScimUser]:
    """Return the connection's resources, where it has ended the deleted ones as well."""
    users = ScimUser.objects.filter(connection=connection).only("pk", "person_id")
    return users if connection.disconnected_at else users.filter(deleted_at=None)


def _let_go(connection: Connection, users: Iterable[ScimUser]) -> None:
    theirs = [user.person_id for user in users if user.person_id]
    others = ScimUser.objects.filter(
        person=OuterRef("pk"), deleted_at=None, connection__disconnected_at=None
    )
    free = Person.objects.filter(~Exists(others), pk__in=theirs)
    field_ownership.release_fields(free.values_list("pk", flat=True))


def _read_again(connection: Connection, user_id: int) -> None:
    subject = SyncErrorSubject()
    try:
        with transaction.atomic():
            user = _hold(connection, user_id)
            if user is not None:
                subject.user, subject.user_name = user, user.scim_username
                _carry_over(ProvisioningTask(user, subject))
    except PeopleError as error:
        with transaction.atomic():
            sync_errors.record(connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user_id).update(has_errors=True)


def _hold(connection: Connection, user_id: int) -> ScimUser | None:
    # Terminated people are not changed.
    users = ScimUser.objects.known_to(connection).exclude(person__state=Person.State.TERMINATED)
    users = users.select_related("person").select_for_update(of=("self",))
    user = users.filter(pk=user_id).first()
    if user is not None:
        user.connection = connection
    return user


def _carry_over(task: ProvisioningTask) -> None:
    """Update the person from the resource under the connection's settings.

    :raises PeopleError: if the rules or the policies refuse that.
    """
    user = task.user
    has_open_problem = user.active and bool(user.problem or user.has_errors)
    if user.person_id and not has_open_problem:
        # Manual (de)activation is kept, because the provider sent nothing new about it.
        provision.restore_managed_fields(task)
    else:
        was_active = user.active if user.person_id else None
        provision.provision(task, None, was_active=was_active)
        group_roles.schedule()
    user.email_key = normalize_key(task.mapped.profile.email)
    UserAdapter(user).render()
    user.save(update_fields=REREAD)


@dataclass
class Outcome:
    """What re-applying a resource would change for its person."""

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


def preview_reapply(connection: Connection) -> list[Outcome]:
    """Preview the settings of this instance on the most recent resources, and roll back."""
    with _taken_back():
        return [_tried(connection, user_id) for user_id in _last_heard_of(connection)]


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _tried(connection: Connection, user_id: int) -> Outcome:
    user = ScimUser.objects.select_related("person").get(pk=user_id)
    user.connection = connection
    outcome = Outcome(user, before=_told(user.person_id), after={})
    try:
        with transaction.atomic():
            _carry_over(
                ProvisioningTask(user, SyncErrorSubject(user_name=user.scim_username, user=user))
            )
    except PeopleError as error:
        outcome.problem, outcome.after = error, outcome.before
    else:
        outcome.after = _told(user.person_id)
    return outcome


def _told(person_id: UUID | None) -> dict[str, str]:
    if person_id is None:
        return {}
    people = Person.objects.select_related("department", "location", "manager")
    person = people.get(pk=person_id)
    manager = {"manager": person.manager.full_name} if person.manager else {}
    return person_fields.snapshot(person) | manager


def _last_heard_of(connection: Connection) -> list[int]:
    """Return the resources that the last requests were about, then the newest."""
    requests = RequestLog.objects.filter(connection=connection).order_by("-received_at")
    recent = requests.values_list("user_id", flat=True)[:RECENT_REQUESTS]
    alive = ScimUser.objects.known_to(connection)
    heard_of = {user_id: None for user_id in recent if user_id}
    known = set(alive.filter(pk__in=heard_of).values_list("pk", flat=True))
    newest = alive.order_by("-pk").values_list("pk", flat=True)[:SHOWN]
    return list(dict.fromkeys([*(one for one in heard_of if one in known), *newest]))[:SHOWN]


@dataclass(frozen=True)
class Reach:
    """In how many of the checked resources a path finds a value."""

    found: int
    among: int


def path_coverage(connection: Connection, paths: Iterable[str]) -> dict[str, Reach]:
    """Look for what the paths point at in the newest resources."""
    newest = ScimUser.objects.known_to(connection).order_by("-pk")
    documents = list(newest.values_list("document", flat=True)[:LOOKED_AT])
    return {
        path: Reach(sum(bool(text_at(document, path)) for document in documents), len(documents))
        for path in paths
    }


def reapply_remaining(connection: Connection) -> QuerySet[ScimUser]:
    return held_by(connection).filter(pk__gt=connection.reapply_cursor)
