"""Changes of a group's members: users, other groups, and those who wait for their user.

Members are rows and change in sets, so that adding one to a group of 20,000 does not load the
group. Every function tells whether anything changed: a request that changes nothing leaves the
group's version (RFC 7644 section 3.5.2.1).
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef
from scim2_models import InvalidValueException

from scim.models import ScimGroup, ScimMembership, ScimSubgroup, ScimUser
from scim.rfc.ids import scim_uuid
from scim.sync import waiting_members

BATCH_SIZE = 5_000
BULK_REFERENCE = "bulkId:"


class Members(NamedTuple):
    """The users and groups with the given ids, by primary key: whether each is a member already."""

    users: dict[int, bool]
    groups: dict[int, bool]


def replace(group: ScimGroup, ids: Collection[str]) -> bool:
    """Make exactly these the members of the group.

    :raises InvalidValueException: as `add`.
    """
    waiting_members.clear(group)
    members = _find(group, ids)
    # Compared here, because a condition with 20,000 parameters takes longer to build than to run.
    stored = group.memberships.values_list("pk", "user_id")
    gone = [pk for pk, user_id in stored if user_id not in members.users]
    users = group.memberships.filter(pk__in=gone).delete()[0]
    groups = group.subgroups.exclude(member__in=members.groups).delete()[0]
    return _insert(group, members) or users + groups > 0


def add(group: ScimGroup, ids: Collection[str]) -> bool:
    """Add members to the group.

    :raises InvalidValueException: if an id refers to an operation of a bulk request that failed or
        does not exist (RFC 7644 section 3.7.2).
    """
    return bool(ids) and _insert(group, _find(group, ids))


def remove(group: ScimGroup, ids: Collection[str]) -> bool:
    """Remove members from the group; Okta also repeats the removal of those who are gone."""
    if not ids:
        return False
    waiting_members.remove(group, ids)
    uuids = _uuids(ids)
    removed = group.memberships.filter(user__scim_id__in=uuids).delete()[0]
    removed += group.subgroups.filter(member__scim_id__in=uuids).delete()[0]
    if removed < len(ids):
        named = waiting_members.find_users(group.connection, ids).values()
        removed += group.memberships.filter(user__in=named).delete()[0]
    return removed > 0


def remove_all(group: ScimGroup) -> None:
    """Remove a deleted group from the groups that contain it, and its own members."""
    group.memberships.all().delete()
    group.subgroups.all().delete()
    group.parents.all().delete()
    waiting_members.clear(group)


def _find(group: ScimGroup, ids: Collection[str]) -> Members:
    """Return the connection's users and groups with these ids; all others wait for their user.

    Some providers name users by externalId or userName instead of the id.
    """
    uuids = _uuids(ids)
    memberships = ScimMembership.objects.filter(group=group, user=OuterRef("pk"))
    known_users = ScimUser.objects.known_to(group.connection).filter(scim_id__in=uuids)
    users = [*known_users.values_list("scim_id", "pk", Exists(memberships))]
    missing = _without(ids, {str(scim_id) for scim_id, _, _ in users})
    groups: list[tuple[UUID, int, bool]] = []
    if missing:
        # Few groups contain groups, so these are searched only if an id belongs to no user.
        subgroups = ScimSubgroup.objects.filter(group=group, member=OuterRef("pk"))
        known_groups = ScimGroup.objects.known_to(group.connection)
        found = known_groups.filter(scim_id__in=_uuids(missing))
        groups = [*found.values_list("scim_id", "pk", Exists(subgroups))]
        missing = _without(missing, {str(scim_id) for scim_id, _, _ in groups})
    named = waiting_members.find_users(group.connection, missing) if missing else {}
    missing = [one for one in missing if one not in named]
    if broken := [one for one in missing if one.startswith(BULK_REFERENCE)]:
        raise InvalidValueException(
            attribute="members", detail=f"There is no user {min(broken)[:100]}."
        )
    if missing:
        waiting_members.add(group, missing)
    named_members: set[int] = set()
    if named:
        members = group.memberships.filter(user__in=named.values())
        named_members = set(members.values_list("user", flat=True))
    return Members(
        users={pk: is_member for _, pk, is_member in users}
        | {pk: pk in named_members for pk in named.values()},
        groups={pk: is_member for _, pk, is_member in groups},
    )


def _insert(group: ScimGroup, members: Members) -> bool:
    new_users = [user for user, is_member in members.users.items() if not is_member]
    new_groups = [one for one, is_member in members.groups.items() if not is_member]
    ScimMembership.objects.bulk_create(
        (ScimMembership(group=group, user_id=user) for user in new_users),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )
    ScimSubgroup.objects.bulk_create(
        (ScimSubgroup(group=group, member_id=member) for member in new_groups),
        ignore_conflicts=True,
    )
    return bool(new_users or new_groups)


def _without(ids: Collection[str], found: Collection[str]) -> list[str]:
    return [identifier for identifier in ids if identifier.lower() not in found]


def _uuids(ids: Collection[str]) -> list[UUID]:
    return [scim_uuid(identifier) for identifier in ids]
