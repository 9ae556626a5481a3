"""The roles that the groups of a connection grant, by its mappings.

A group without a mapping brings nothing. Who is in a group, the provider says whenever it
likes, and of thousands at once; a worker follows soon after, and beat comes by for what it
missed.
"""

from collections import defaultdict
from math import inf
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from people import tenancy
from people.background import task_trigger
from people.db import unit_of_work
from people.models import Grant, Person
from people.operations import locks
from people.operations.locks import LockName, acquire_lock, try_acquire_lock
from people.operations.roles import group_mappings
from people.operations.roles.mapping_rules import MappedRole, MappingResult
from people.values import VIA_MAPPING, Actor
from scim.connections.setup import hold_beside_requests
from scim.models import Connection, GroupMapping, ScimMembership
from scim.models.group_mapping import mapping_origin

TASK = "scim.tasks.follow_groups"

waker = task_trigger(TASK)


def follow(
    connection: Connection, *, actor: Actor | None = None, until: float = inf
) -> tuple[int, bool]:
    """Sync everyone's roles with their groups, in one transaction per person.

    It is the provider's doing unless `actor` is named. Who would be the last Owner or
    administrator to go stays one, and whose base role the provider names keeps that.

    Whoever finds somebody else at it leaves the rest to them, for they look again at the end.

    :returns: for how many people it mattered, and whether the rest, if any, is others'.
    """
    done, strayed, before = 0, list(out_of_sync_people(connection)), None
    while strayed and strayed != before:
        for person_id in strayed:
            if monotonic() > until:
                return done, False
            followed = _follow(connection, person_id, actor or connection.actor)
            if followed is None:
                return done, True
            done += bool(followed)
        strayed, before = list(out_of_sync_people(connection)), strayed
    return done, True


def hold_following(connection: Connection) -> None:
    """Lock the role sync of the tenant and the mappings of this connection."""
    acquire_lock(LockName.FOLLOWED_GROUPS, connection.tenant_id)
    hold_beside_requests(connection)


def follow_all(*, seconds: float = inf) -> tuple[int, bool]:
    """Sync roles for every live connection that has or had group mappings."""
    until, done = monotonic() + seconds, 0
    # Connections with few changes first, so that they do not wait for thousands.
    for connection in sorted(_bringing(), key=_count_strayed):
        with tenancy.use(connection.tenant_id):
            followed, is_all = follow(connection, until=until)
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
        return [one for one in live if one.is_mapped or mapping_origin(one) in origins]


def out_of_sync_people(connection: Connection) -> dict[UUID, list[int]]:
    """Return people whose roles differ from their groups, and the mappings that grant roles.

    Those come first who are to gain something, so whoever becomes an Owner is one before
    another ceases to be the last.
    """
    wanted, had = _wanted(connection), _had(connection)
    strayed = [key for key in {**wanted, **had} if wanted.get(key) != had.get(key)]
    loses_only = {key for key in strayed if wanted.get(key, set()) <= had.get(key, set())}
    strayed.sort(key=lambda key: (key in loses_only, key))
    return {key: sorted(wanted.get(key, ())) for key in strayed}


def _count_strayed(connection: Connection) -> int:
    with tenancy.use(connection.tenant_id):
        return len(out_of_sync_people(connection))


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
    person, origin = locks.lock_person(person_id), mapping_origin(connection)
    with locks.assume_locked(person):
        brought = _brought(connection, person)
        return group_mappings.apply_mappings(person, brought, origin=origin, actor=actor)


def _brought(connection: Connection, person: Person) -> list[MappedRole]:
    """Return the roles granted by the person's current groups."""
    groups = ScimMembership.objects.filter(user__person=person, user__deleted_at=None)
    mappings = GroupMapping.objects.filter(
        connection=connection, group__deleted_at=None, group__in=groups.values("group")
    )
    said = mappings.select_related("role", "group", "connection").order_by("pk")
    return [mapped_role(mapping) for mapping in said]


def _wanted(connection: Connection) -> dict[UUID, set[int]]:
    """Return the mappings that should grant each person a role."""
    members = ScimMembership.objects.filter(
        group__mappings__connection=connection,
        group__deleted_at=None,
        user__deleted_at=None,
        user__person__isnull=False,
    ).exclude(user__person__state=Person.State.TERMINATED)
    by_person = defaultdict(set)
    for person_id, mapping_id in members.values_list("user__person_id", "group__mappings"):
        by_person[person_id].add(mapping_id)
    return by_person


def _had(connection: Connection) -> dict[UUID, set[int]]:
    """Return the mappings that currently grant each person a role."""
    origin = mapping_origin(connection)
    given = Grant.objects.filter(source__startswith=origin)
    given = given.exclude(person__state=Person.State.TERMINATED)
    by_person = defaultdict(set)
    for person_id, source in given.values_list("person_id", "source"):
        by_person[person_id].add(int(source.removeprefix(origin)))
    return by_person


def mapped_role(mapping: GroupMapping) -> MappedRole:
    return MappedRole(mapping.any_role, mapping.source, mapping.because)
