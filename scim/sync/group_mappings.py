"""Change the group mappings of a connection, with a preview of the effects.

What a change would do to everybody is foretold by the rules that following goes by, without
storing anything but the change, which is taken back.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from django.db import transaction

from people.models import Person, Role
from people.operations import connection_events, ranks
from people.operations.roles import group_mappings, mapping_rules
from people.operations.roles.group_mappings import Author
from people.operations.roles.mapping_rules import MappingResult
from people.values import Actor, PeopleError
from scim.connections.setup import hold_beside_requests
from scim.models import Connection, GroupMapping, ScimGroup
from scim.models.group_mapping import mapping_origin
from scim.sync import group_roles

# How long the page waits for a change to be applied; a worker does the rest.
LONGEST_WAIT_SECONDS = 3
FORETOLD_AT_ONCE = 1_000


class Disconnected(PeopleError):
    code = "disconnected"

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"{connection} has been disconnected, so its groups grant no roles.")


def is_role_mapped(role: Role) -> bool:
    return GroupMapping.objects.filter(role=role).exists()


@dataclass(frozen=True)
class Changed:
    """A change of a group's mappings that has not been applied to people yet."""

    said: str
    group: ScimGroup
    actor: Actor


@dataclass(frozen=True)
class Outcome:
    """The effects of a mapping change: the affected people, and the number of people checked."""

    said: str
    changes: list[MappingResult]
    looked_at: int


@transaction.atomic
def map_group(
    group: ScimGroup, role: Role | Person.Role, *, author: Author, is_owner_meant: bool = False
) -> Changed:
    """Map the group to the role.

    :raises RoleAboveRank, NotMappable, OwnerNotMeant: if the group may not bring the role.
    :raises Disconnected: if the connection has ended.
    """
    group_mappings.check_mappable(role, author, is_owner_meant=is_owner_meant)
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
    """Remove the mapping; people who have the role through it lose it.

    :raises RoleAboveRank: if the author may not give the role, nor take it away.
    """
    ranks.check_may_grant(author.actor, mapping.any_role)
    hold_beside_requests(mapping.group.connection)
    if GroupMapping.objects.filter(pk=mapping.pk).delete()[0]:
        _note("unmapped", mapping, author.actor)
    return Changed(f"Removed: {mapping}", mapping.group, author.actor)


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
    done = group_roles.follow(connection, actor=changed.actor, until=until)[0]
    is_all = not group_roles.out_of_sync_people(connection)
    if not is_all:
        group_roles.schedule()
    return done, is_all


def _foretold(connection: Connection) -> list[MappingResult]:
    """Return what following would do now; the connection is held."""
    origin, strayed = mapping_origin(connection), group_roles.out_of_sync_people(connection)
    mappings = GroupMapping.objects.filter(connection=connection)
    said = mappings.select_related("role", "group", "connection")
    mapped = {mapping.pk: group_roles.mapped_role(mapping) for mapping in said}
    foretell, keys, followed = mapping_rules.RoleChangeSimulator(origin), list(strayed), []
    for start in range(0, len(keys), FORETOLD_AT_ONCE):
        some = keys[start : start + FORETOLD_AT_ONCE]
        people, grants = Person.objects.in_bulk(some), defaultdict(list)
        for grant in group_mappings.grants_that_count(origin).filter(person__in=some):
            grants[grant.person_id].append(grant)
        followed += [
            foretell(people[key], grants[key], [mapped[one] for one in strayed[key]])
            for key in some
        ]
    return [one for one in followed if one]


def _note(done: str, mapping: GroupMapping, actor: Actor) -> None:
    connection_events.record_connection_event(
        f"{done} the group {mapping}",
        actor=actor,
        provider=mapping.connection.provider,
        connection=str(mapping.connection_id),
    )
