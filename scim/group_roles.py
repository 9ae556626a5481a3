"""Which roles the groups of a connection bring, by its mappings.

A group without a mapping brings nothing. Who is in a group, the provider says whenever it
likes, and of thousands at once; a worker follows soon after, and beat comes by for what it
missed. What a change of the mappings would do to everybody is foretold by the rules that
following goes by, without storing anything but the change, which is taken back.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from people import operations, storing, tenancy
from people.chores import waking
from people.models import Grant, Person, Role
from people.operations import Followed, MappedRole
from people.operations.locks import Guarded, hold, try_hold
from people.operations.mapped_roles import Author
from people.values import VIA_MAPPING, Actor, PeopleError
from scim.connecting import hold_beside_requests
from scim.models import Connection, GroupMapping, ScimGroup, ScimMembership
from scim.models.group_mapping import mapping_origin

TASK = "scim.tasks.follow_groups"
# How long somebody who applies a change waits for it; a worker does the rest.
LONGEST_WAIT_SECONDS = 3
FORETOLD_AT_ONCE = 1_000

waker = waking(TASK)


class Disconnected(PeopleError):
    code = "disconnected"

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"{connection} has been disconnected meanwhile, so it brings no roles.")


@dataclass(frozen=True)
class Changed:
    """What has been changed of a group's mappings, and who did it. Nobody has followed yet."""

    said: str
    group: ScimGroup
    actor: Actor


@dataclass(frozen=True)
class Outcome:
    """What a change of the mappings does: to whom, and in how many places it was looked."""

    said: str
    changes: list[Followed]
    looked_at: int


@transaction.atomic
def map_group(
    group: ScimGroup, role: Role | Person.Role, *, author: Author, is_owner_meant: bool = False
) -> Changed:
    """Have the group bring the role.

    :raises NotMappable, RoleAboveOwn, OwnerNotMeant: if the group may not bring the role.
    :raises Disconnected: if the connection has ended.
    """
    operations.check_mappable(role, author, is_owner_meant=is_owner_meant)
    hold_beside_requests(group.connection)
    if group.connection.disconnected_at:
        raise Disconnected(group.connection)
    mapping, is_new = GroupMapping.objects.get_or_create(
        group=group,
        base_role="" if isinstance(role, Role) else role,
        role=role if isinstance(role, Role) else None,
        defaults={"tenant_id": group.tenant_id, "connection": group.connection},
    )
    if is_new:
        _note("mapped", mapping, author.actor)
    return Changed(f"New: {mapping}", group, author.actor)


@transaction.atomic
def unmap(mapping: GroupMapping, *, author: Author) -> Changed:
    """Have the group bring the role no longer; who has it from there is to lose it."""
    hold_beside_requests(mapping.group.connection)
    if GroupMapping.objects.filter(pk=mapping.pk).delete()[0]:
        _note("unmapped", mapping, author.actor)
    return Changed(f"No longer: {mapping}", mapping.group, author.actor)


def preview(change: Callable[[], Changed]) -> Outcome:
    """Return what applying the change would do now, and do nothing.

    :raises PeopleError: as the change.
    """
    with transaction.atomic():
        changed = change()
        changes = _foretold(changed.group.connection)
        transaction.set_rollback(True)
    members = changed.group.memberships.filter(user__deleted_at=None, user__person__isnull=False)
    return Outcome(changed.said, changes, members.count())


def apply(change: Callable[[], Changed]) -> tuple[int, bool]:
    """Make the change, and follow as far as the time allows; a worker does the rest.

    :returns: for how many people it mattered until now, and whether these are all.
    :raises PeopleError: as the change.
    """
    changed, until = change(), monotonic() + LONGEST_WAIT_SECONDS
    connection = changed.group.connection
    done = follow(connection, actor=changed.actor, until=until)[0]
    is_all = not _strayed(connection)
    if not is_all:
        soon()
    return done, is_all


def follow(
    connection: Connection, *, actor: Actor | None = None, until: float = inf
) -> tuple[int, bool]:
    """Bring everybody's roles to what their groups say, in a transaction for each.

    It is the provider's doing unless `actor` is named. Who would be the last Owner or
    administrator to go stays one, and whose base role the provider names keeps that.

    Whoever finds somebody else at it leaves the rest to them, for they look again at the end.

    :returns: for how many people it mattered, and whether the rest, if any, is others'.
    """
    done, strayed, before = 0, list(_strayed(connection)), None
    while strayed and strayed != before:
        for person_id in strayed:
            if monotonic() > until:
                return done, False
            followed = _follow(connection, person_id, actor or connection.actor)
            if followed is None:
                return done, True
            done += bool(followed)
        strayed, before = list(_strayed(connection)), strayed
    return done, True


def hold_following(connection: Connection) -> None:
    """Have nobody follow the tenant's groups meanwhile, nor change what those here bring."""
    hold(Guarded.FOLLOWED_GROUPS, connection.tenant_id)
    hold_beside_requests(connection)


def follow_all(*, seconds: float = inf) -> tuple[int, bool]:
    """Do that for every live connection whose mappings bring something, or did until now."""
    until, done = monotonic() + seconds, 0
    # The few first, for whom thousands would be long to wait for.
    for connection in sorted(_bringing(), key=_count_strayed):
        with tenancy.use(connection.tenant_id):
            followed, is_all = follow(connection, until=until)
        done += followed
        if not is_all:
            return done, False
    return done, True


def soon() -> None:
    """Have a worker follow once the groups are stored."""
    storing.when_stored(waker.wake)


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


def _strayed(connection: Connection) -> dict[UUID, list[int]]:
    """Return who has other roles than their groups bring, and which mappings are to give some.

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
        return len(_strayed(connection))


def _foretold(connection: Connection) -> list[Followed]:
    """Return what `follow` would do now; the connection is held."""
    origin, strayed = mapping_origin(connection), _strayed(connection)
    mappings = GroupMapping.objects.filter(connection=connection)
    said = mappings.select_related("role", "group", "connection")
    mapped = {mapping.pk: _mapped(mapping) for mapping in said}
    foretell, keys, followed = operations.Foretelling(origin), list(strayed), []
    for start in range(0, len(keys), FORETOLD_AT_ONCE):
        some = keys[start : start + FORETOLD_AT_ONCE]
        people, grants = Person.objects.in_bulk(some), defaultdict(list)
        for grant in operations.grants_that_count(origin).filter(person__in=some):
            grants[grant.person_id].append(grant)
        followed += [
            foretell(people[key], grants[key], [mapped[one] for one in strayed[key]])
            for key in some
        ]
    return [one for one in followed if one]


@transaction.atomic
def _follow(connection: Connection, person_id: UUID, actor: Actor) -> Followed | None:
    """Follow for one person, unless somebody else is at it, or the connection has ended.

    Nobody changes the mappings as long as it is held, so nothing is given that nobody
    would take away again.
    """
    if not try_hold(Guarded.FOLLOWED_GROUPS, connection.tenant_id):
        return None
    hold_beside_requests(connection)
    if connection.disconnected_at:
        return None
    person, origin = operations.hold_person(person_id), mapping_origin(connection)
    with operations.holding(person):
        brought = _brought(connection, person)
        return operations.follow_mappings(person, brought, origin=origin, actor=actor)


def _brought(connection: Connection, person: Person) -> list[MappedRole]:
    """Return the roles that the groups bring in which the person is now."""
    groups = ScimMembership.objects.filter(user__person=person, user__deleted_at=None)
    mappings = GroupMapping.objects.filter(
        connection=connection, group__deleted_at=None, group__in=groups.values("group")
    )
    said = mappings.select_related("role", "group", "connection").order_by("pk")
    return [_mapped(mapping) for mapping in said]


def _wanted(connection: Connection) -> dict[UUID, set[int]]:
    """Return by which mappings each person is to have a role."""
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
    """Return by which mappings each person has a role."""
    origin = mapping_origin(connection)
    given = Grant.objects.filter(source__startswith=origin)
    given = given.exclude(person__state=Person.State.TERMINATED)
    by_person = defaultdict(set)
    for person_id, source in given.values_list("person_id", "source"):
        by_person[person_id].add(int(source.removeprefix(origin)))
    return by_person


def _mapped(mapping: GroupMapping) -> MappedRole:
    role = mapping.role or Person.Role(mapping.base_role)
    return MappedRole(role, mapping.source, mapping.because)


def _note(done: str, mapping: GroupMapping, actor: Actor) -> None:
    operations.note_connection(
        f"{done} the group {mapping}",
        actor=actor,
        provider=mapping.connection.provider,
        connection=str(mapping.connection_id),
    )
