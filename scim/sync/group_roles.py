"""The roles that the groups of a connection grant, by its mappings.

A group without a mapping grants no role. The members of a group can change by the thousands in
one request, so a worker updates roles soon afterwards, and a periodic job does what it missed.
"""

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
from scim.connections.setup import hold_beside_requests
from scim.models import Connection, GroupMapping, ScimMembership

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
    while differing and differing != before:
        for person_id in differing:
            if monotonic() > until:
                return done, False
            followed = _follow(connection, person_id, actor or connection.actor)
            if followed is None:
                return done, True
            done += bool(followed)
        differing, before = find_differences(groups), differing
    return done, True


def hold_following(connection: Connection) -> None:
    """Lock the role sync of the tenant and the mappings of this connection."""
    acquire_lock(LockName.FOLLOWED_GROUPS, connection.tenant_id)
    hold_beside_requests(connection)


def sync_all_roles(*, seconds: float = inf) -> tuple[int, bool]:
    """Sync roles for every live connection that has or had group mappings."""
    until, done = monotonic() + seconds, 0
    # Connections with few changes first, so that they do not wait for thousands.
    for connection in sorted(_bringing(), key=_count_differences):
        with tenancy.use(connection.tenant_id):
            followed, is_all = sync_roles_of(connection, until=until)
        done += followed
        if not is_all:
            return done, False
    return done, True


def schedule() -> None:
    """Enqueue the role sync, to run after the groups are committed."""
    unit_of_work.on_stored(waker.wake)


def _bringing() -> list[Connection]:
    """Return these connections, all tenants'."""
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
    )


def _count_differences(connection: Connection) -> int:
    with tenancy.use(connection.tenant_id):
        return len(find_differences(mapped_groups(connection)))


@transaction.atomic
def _follow(connection: Connection, person_id: UUID, actor: Actor) -> MappingResult | None:
    """Follow for one person, unless somebody else is at it, or the connection has ended.

    Nobody changes the mappings as long as it is held, so nothing is given that nobody
    would take away again.
    """
    if not try_acquire_lock(LockName.FOLLOWED_GROUPS, connection.tenant_id):
        return None
    hold_beside_requests(connection)
    if connection.disconnected_at:
        return None
    person = locks.lock_person(person_id)
    with locks.assume_locked(person):
        return group_mappings.sync_roles(mapped_groups(connection), person, actor=actor)
