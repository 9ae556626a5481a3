"""Which roles the groups of a connection bring, by its mappings.

A group without a mapping brings nothing. Who is in a group, the provider says whenever it
likes, and of thousands at once; a worker follows soon after, and beat comes by for what it
missed. What following would do is found out by doing it in a transaction that is rolled back.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from people import operations, storing, tenancy
from people.chores import waking
from people.models import Grant, Person, Role
from people.operations import MappedRole
from people.operations.mapped_roles import Author, Followed
from people.values import Actor
from scim.connecting import hold_beside_requests
from scim.models import Connection, GroupMapping, ScimGroup, ScimMembership
from scim.models.group_mapping import mapping_origin

TASK = "scim.tasks.follow_groups"

waker = waking(TASK)


@dataclass(frozen=True)
class Outcome:
    """What a change of the mappings does: to whom, and in how many places it was looked."""

    said: str
    changes: list[Followed]
    looked_at: int


def map_group(
    group: ScimGroup, role: Role | Person.Role, *, author: Author, is_owner_meant: bool = False
) -> Outcome:
    """Have the group bring the role, and give it to those who are in it.

    :raises NotMappable, RoleAboveOwn, OwnerNotMeant: if the group may not bring the role.
    """
    operations.check_mappable(role, author, is_owner_meant=is_owner_meant)
    with transaction.atomic():
        hold_beside_requests(group.connection)
        mapping, is_new = GroupMapping.objects.get_or_create(
            group=group,
            base_role="" if isinstance(role, Role) else role,
            role=role if isinstance(role, Role) else None,
            defaults={"tenant_id": group.tenant_id, "connection": group.connection},
        )
        if is_new:
            _note("mapped", mapping, author.actor)
        return _followed(f"New: {mapping}", group, author.actor)


@transaction.atomic
def unmap(mapping: GroupMapping, *, author: Author) -> Outcome:
    """Have the group bring the role no longer, and take it from those who have it from there."""
    hold_beside_requests(mapping.group.connection)
    _note("unmapped", mapping, author.actor)
    GroupMapping.objects.filter(pk=mapping.pk).delete()
    return _followed(f"No longer: {mapping}", mapping.group, author.actor)


def preview(change: Callable[[], Outcome]) -> Outcome:
    """Return what the change would do now, and do nothing.

    :raises PeopleError: as the change.
    """
    with transaction.atomic():
        outcome = change()
        transaction.set_rollback(True)
    return outcome


def follow(connection: Connection, *, actor: Actor | None = None) -> list[Followed]:
    """Bring everybody's roles to what their groups say; return for whom that mattered.

    It is the provider's doing unless `actor` is named. Who would be the last Owner or
    administrator to go stays one, and whose base role the provider names keeps that.
    """
    followed = (_follow(connection, one, actor or connection.actor) for one in _strayed(connection))
    return [one for one in followed if one]


def follow_all() -> int:
    """Do that for every live connection that has mappings; return for how many people."""
    with tenancy.across_tenants():
        live = Q(activated_at__isnull=False, disconnected_at=None)
        connections = list(Connection.objects.filter(live, group_mappings__isnull=False).distinct())
    return sum(_follow_one(connection) for connection in connections)


def soon() -> None:
    """Have a worker follow once the groups are stored."""
    storing.when_stored(waker.wake)


def _follow_one(connection: Connection) -> int:
    with tenancy.use(connection.tenant_id):
        return len(follow(connection))


def _strayed(connection: Connection) -> list[Person]:
    """Return who has other roles than their groups bring, those first who are to gain some.

    So whoever becomes an Owner is one before another ceases to be the last.
    """
    wanted, had = _wanted(connection), _had(connection)
    strayed = [key for key in {**wanted, **had} if wanted.get(key) != had.get(key)]
    people = Person.objects.in_bulk(strayed)
    loses_only = {key for key in strayed if wanted.get(key, set()) <= had.get(key, set())}
    return [people[key] for key in sorted(strayed, key=lambda key: (key in loses_only, key))]


@transaction.atomic
def _follow(connection: Connection, person: Person, actor: Actor) -> Followed | None:
    """Follow for one person, unless the connection has ended meanwhile.

    Nobody changes the mappings as long as it is held, so nothing is given that nobody
    would take away again.
    """
    hold_beside_requests(connection)
    if connection.disconnected_at:
        return None
    return operations.follow_mappings(
        person, _brought(connection, person), origin=mapping_origin(connection), actor=actor
    )


def _brought(connection: Connection, person: Person) -> list[MappedRole]:
    """Return the roles that the groups bring in which the person is now."""
    groups = ScimMembership.objects.filter(user__person=person, user__deleted_at=None)
    mappings = GroupMapping.objects.filter(
        connection=connection, group__deleted_at=None, group__in=groups.values("group")
    )
    said = mappings.select_related("role", "group", "connection").order_by("pk")
    return [_mapped(mapping) for mapping in said]


def _followed(said: str, group: ScimGroup, actor: Actor) -> Outcome:
    members = group.memberships.filter(user__deleted_at=None, user__person__isnull=False)
    return Outcome(said, follow(group.connection, actor=actor), members.count())


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
