"""Change the group mappings of a connection; people's roles change afterwards."""

from collections.abc import Callable, Iterable
from time import monotonic

from django.db import transaction

from people.models import Person, Role
from people.models.group_mappings import role_values
from people.operations import connection_events, ranks
from people.operations.roles import group_mappings
from people.operations.roles.group_mappings import Author, MappingChange
from people.values import Actor, PeopleError
from scim.connections.setup import lock_connection_no_key
from scim.models import Connection, GroupMapping, ScimGroup, ScimMembership
from scim.sync import group_roles, subgroups

# How long the page waits for a change to be applied; a worker does the rest.
MAX_WAIT_SECONDS = 3


class Disconnected(PeopleError):
    code = "disconnected"

    def __init__(self, connection: Connection) -> None:
        super().__init__(f"{connection} has been disconnected, so its groups grant no roles.")


def is_role_mapped(role: Role) -> bool:
    return GroupMapping.objects.filter(role=role).exists()


def has_mappings() -> bool:
    """Tell whether a group of a connection grants a role."""
    return GroupMapping.objects.filter(connection__disconnected_at=None).exists()


@transaction.atomic
def map_group(
    group: ScimGroup, role: Role | Person.Role, *, author: Author, is_owner_confirmed: bool = False
) -> MappingChange:
    """Map the group to the role.

    :raises RoleAboveRank, NotMappable, OwnerNotConfirmed: if the role must not be mapped.
    :raises Disconnected: if the connection is disconnected.
    """
    group_mappings.check_mappable(role, author, is_owner_confirmed=is_owner_confirmed)
    lock_connection_no_key(group.connection)
    if group.connection.disconnected_at:
        raise Disconnected(group.connection)
    mapping, is_new = GroupMapping.objects.get_or_create(
        group=group,
        **role_values(role),
        defaults={"tenant_id": group.tenant_id, "connection": group.connection},
    )
    if is_new:
        _record_event("mapped", mapping, author.actor)
    return _change(group, author.actor, added=[mapping])


@transaction.atomic
def unmap(mapping: GroupMapping, *, author: Author) -> MappingChange:
    """Remove the mapping; people who have the role through it lose it.

    :raises RoleAboveRank: if the author may not grant the role.
    """
    ranks.check_may_grant(author.actor, mapping.any_role)
    lock_connection_no_key(mapping.group.connection)
    if GroupMapping.objects.filter(pk=mapping.pk).delete()[0]:
        _record_event("unmapped", mapping, author.actor)
    return _change(mapping.group, author.actor, removed=[mapping])


def apply(change: Callable[[], MappingChange]) -> tuple[int, bool]:
    """Make the change and sync roles within MAX_WAIT_SECONDS; a worker syncs the rest.

    :returns: the number of people changed so far, and whether these are all.
    :raises PeopleError: as the change.
    """
    changed, until = change(), monotonic() + MAX_WAIT_SECONDS
    connection = changed.groups.source
    assert isinstance(connection, Connection)
    done = group_roles.sync_roles_of(connection, actor=changed.actor, until=until)[0]
    # Another process may be syncing the same connection, so the result is checked.
    is_all = not changed.affected()
    if not is_all:
        group_roles.schedule()
    return done, is_all


def _change(
    group: ScimGroup, actor: Actor, *, added: Iterable[object] = (), removed: Iterable[object] = ()
) -> MappingChange:
    members = ScimMembership.objects.filter(
        group__in=subgroups.with_nested(group), user__deleted_at=None, user__person__isnull=False
    )
    return MappingChange(
        group_roles.mapped_groups(group.connection),
        actor,
        added=[str(mapping) for mapping in added],
        removed=[str(mapping) for mapping in removed],
        member_count=members.values("user").distinct().count(),
    )


def _record_event(done: str, mapping: GroupMapping, actor: Actor) -> None:
    connection_events.record_connection_event(
        f"{done} the group {mapping}",
        actor=actor,
        provider=mapping.connection.provider,
        connection=str(mapping.connection_id),
    )
