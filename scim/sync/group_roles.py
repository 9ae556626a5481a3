"""The roles that the groups of a connection grant, by its mappings.

A group without a mapping grants no role. The members of a group can change by the thousands in
one request, so a worker updates roles soon afterwards, and a periodic job does what it missed.
"""

from functools import partial
from math import inf
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from people import tenancy
from people.background import task_trigger
from people.db import unit_of_work
from people.models import Grant, Person
from people.operations import locks
from people.operations.locks import LockName, acquire_lock, try_acquire_lock
from people.operations.roles import group_mappings
from people.operations.roles.group_mappings import MappedGroups, find_differences
from people.operations.roles.mapping_rules import MappingResult
from people.values import VIA_MAPPING, Actor
from scim.connections.setup import lock_connection_no_key
from scim.models import Connection, GroupMapping, ScimMembership
from scim.sync import subgroups

# The registered name stays when the function is renamed: jobs in the queue contain it.
TASK = "scim.tasks.follow_groups"

waker = task_trigger(TASK)


def sync_roles_of(
    connection: Connection, *, actor: Actor | None = None, until: float = inf
) -> tuple[int, bool]:
    """Sync everyone's roles with their groups, in one transaction per person.

    The connection is the actor unless another one is named. The last Owner and the last
    administrator keep their role, and so does a person whose base role the provider names.

    If another process is syncing the same connection, this one stops: the other one checks for
    remaining differences before it ends.

    :returns: the number of changed people, and whether another process does the rest.
    """
    groups, done, before = mapped_groups(connection), 0, None
    differing = find_differences(groups)
    # Groups may change during the sync. A person whose role is refused stays in the list, so the
    # loop ends when a pass changes nothing.
    while differing and differing != before:
        for person_id in differing:
            if monotonic() > until:
                return done, False
            result = _sync_person(connection, person_id, actor or connection.actor)
            if result is None:
                return done, True
            done += bool(result)
        differing, before = find_differences(groups), differing
    return done, True


def lock_role_sync(connection: Connection) -> None:
    """Lock the role sync of the tenant and the mappings of this connection."""
    # The lock order is: role sync, connection, person.
    acquire_lock(LockName.FOLLOWED_GROUPS, connection.tenant_id)
    lock_connection_no_key(connection)


def sync_all_roles(*, seconds: float = inf) -> tuple[int, bool]:
    """Sync roles for every live connection that has or had group mappings."""
    until, done = monotonic() + seconds, 0
    # Connections with few changes first, so that they do not wait for thousands.
    for connection in sorted(_mapped_connections(), key=_count_differences):
        with tenancy.use(connection.tenant_id):
            result, is_all = sync_roles_of(connection, until=until)
        done += result
        if not is_all:
            return done, False
    return done, True


def schedule() -> None:
    """Enqueue the role sync, to run after the groups are committed."""
    unit_of_work.on_stored(waker.wake)


def _mapped_connections() -> list[Connection]:
    """Return the live connections of all tenants that have or had group mappings.

    A connection without mappings may still have granted roles that have to be removed.
    """
    with tenancy.across_tenants():
        live = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None)
        live = live.annotate(
            is_mapped=Exists(GroupMapping.objects.filter(connection=OuterRef("pk")))
        )
        given = Grant.objects.filter(source__startswith=VIA_MAPPING).values_list(
            "source", flat=True
        )
        origins = {source.rpartition(":")[0] + ":" for source in given.distinct()}
        return [one for one in live if one.is_mapped or one.mapping_origin in origins]


def mapped_groups(connection: Connection) -> MappedGroups:
    mappings = GroupMapping.objects.filter(connection=connection, group__deleted_at=None)
    members = ScimMembership.objects.filter(user__deleted_at=None, user__person__isnull=False)
    members = members.exclude(user__person__state=Person.State.TERMINATED)
    return MappedGroups(
        connection,
        mappings.select_related("role", "group", "connection"),
        "group",
        members.annotate(member_id=F("user__person_id"), group_key=F("group_id")),
        partial(subgroups.containers, connection),
    )


def _count_differences(connection: Connection) -> int:
    with tenancy.use(connection.tenant_id):
        return len(find_differences(mapped_groups(connection)))


@transaction.atomic
def _sync_person(connection: Connection, person_id: UUID, actor: Actor) -> MappingResult | None:
    """Sync the roles of one person; None if another process syncs, or the connection has ended.

    The locks keep the mappings as they are until the end of the transaction. Otherwise a role
    could be granted by a mapping that is removed at the same time, and would stay for ever.
    """
    if not try_acquire_lock(LockName.FOLLOWED_GROUPS, connection.tenant_id):
        return None
    lock_connection_no_key(connection)
    if connection.disconnected_at:
        return None
    person = locks.lock_person(person_id)
    with locks.assume_locked(person):
        return group_mappings.sync_roles(mapped_groups(connection), person, actor=actor)
