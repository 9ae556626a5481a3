"""Groups that are members of other groups. Their members are members of these groups, too."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from scim.models import Connection, ScimGroup, ScimSubgroup


def containers(connection: Connection) -> dict[int, set[int]]:
    """Return the groups that contain each nested group, at any depth, by primary key.

    Groups may contain each other in a circle, and then contain themselves.
    """
    parents: defaultdict[int, set[int]] = defaultdict(set)
    pairs = ScimSubgroup.objects.filter(group__connection=connection)
    for group, member in pairs.values_list("group_id", "member_id"):
        parents[member].add(group)
    return {member: _above(member, parents) for member in list(parents)}


def with_nested(group: ScimGroup) -> set[int]:
    """Return the primary keys of the group and of all groups in it."""
    inner = {key for key, outer in containers(group.connection).items() if group.pk in outer}
    return {group.pk} | inner


def _above(member: int, parents: Mapping[int, Collection[int]]) -> set[int]:
    found: set[int] = set()
    pending = [member]
    while pending:
        new = set(parents.get(pending.pop(), ())) - found
        found |= new
        pending += new
    return found
