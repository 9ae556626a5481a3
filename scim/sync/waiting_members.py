"""Group members who have no user yet.

A provider may push a group before its users, or with the id of a user who was deleted. The known
members join at once. The others are stored, and join when the connection has a user with that id,
externalId or userName.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from people import tenancy
from people.models import Person
from people.values import normalize_key
from scim.models import Connection, ScimGroup, ScimMembership, ScimUser, ScimWaitingMember
from scim.rfc.ids import scim_uuid

BATCH_SIZE = 1_000


class WaitingMember(NamedTuple):
    pk: int
    group_id: int
    value: str


def add(group: ScimGroup, values: Collection[str]) -> None:
    """Store the values of members who have no user on the connection."""
    stored = sorted({_shortened(value) for value in values})
    ScimWaitingMember.objects.bulk_create(
        (_keyed(ScimWaitingMember(group=group, value=value)) for value in stored),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )


def remove(group: ScimGroup, values: Collection[str]) -> None:
    """Delete the stored values that the provider removes from the group."""
    # Few groups have waiting members, and a request may name thousands.
    if group.waiting_members.exists():
        stored = [_shortened(value) for value in values]
        group.waiting_members.filter(value__in=stored).delete()


def _keyed(member: ScimWaitingMember) -> ScimWaitingMember:
    member.value_key = normalize_key(member.value)
    identifier = scim_uuid(member.value)
    member.value_id = identifier if identifier.int else None
    return member


def _shortened(value: str) -> str:
    return value[: ScimWaitingMember.value.field.max_length]


def clear(group: ScimGroup) -> None:
    """Delete all stored values of the group."""
    group.waiting_members.all().delete()


def join_groups_of(person: Person) -> int:
    """Add the person's users to the groups in which they wait.

    :returns: the number of groups.
    """
    joined = 0
    for user in person.scim_users.filter(deleted_at=None).select_related("connection"):
        names = (str(user.scim_id), user.scim_external_id, user.scim_username)
        waiting = _waiting_members().filter(
            group__connection=user.connection,
            value_key__in={normalize_key(name) for name in names if name},
        )
        rows = waiting.order_by("pk").values_list("pk", "group_id", "value")
        joined += _join(user.connection, [WaitingMember(*row) for row in rows])
    return joined


def join_all() -> int:
    """Add the users who exist by now to the groups of all tenants in which they wait.

    Most of those who wait have no user yet, so the database compares them, by indexes.

    :returns: the number of new memberships.
    """
    waiting: defaultdict[UUID, list[WaitingMember]] = defaultdict(list)
    with tenancy.across_tenants():
        # Rows that the version before has stored have no keys yet.
        unkeyed = ScimWaitingMember.objects.filter(value_key="").exclude(value="")
        ScimWaitingMember.objects.bulk_update(
            [_keyed(member) for member in unkeyed],
            ["value_key", "value_id"],
            batch_size=BATCH_SIZE,
        )
        for *row, connection_id in _arrived():
            waiting[connection_id].append(WaitingMember(*row))
        connections = list(Connection.objects.filter(pk__in=waiting)) if waiting else []
    joined = 0
    for connection in connections:
        rows = waiting[connection.pk]
        with tenancy.use(connection.tenant_id):
            for start in range(0, len(rows), BATCH_SIZE):
                joined += _join(connection, rows[start : start + BATCH_SIZE])
    return joined


def _arrived() -> QuerySet[ScimWaitingMember, tuple[Any, ...]]:
    """Return the waiting members whose value is the id or a name of a user by now, with connection.

    Three searches, because PostgreSQL reads all users for three conditions in one.
    """
    users = ScimUser.objects.filter(connection=OuterRef("group__connection"), deleted_at=None)
    with_external_id = users.exclude(scim_external_id="")
    rows = _waiting_members().values_list("pk", "group_id", "value", "group__connection")
    by_id, by_name, by_external_id = (
        rows.filter(Exists(found))
        for found in (
            users.filter(scim_id=OuterRef("value_id")),
            users.filter(user_name_key=OuterRef("value_key")),
            with_external_id.filter(scim_external_id=OuterRef("value")),
        )
    )
    return by_id.union(by_name, by_external_id)


def _waiting_members() -> QuerySet[ScimWaitingMember]:
    return ScimWaitingMember.objects.filter(
        group__deleted_at=None, group__connection__disconnected_at=None
    )


def _join(connection: Connection, waiting: Sequence[WaitingMember]) -> int:
    users = find_users(connection, {row.value for row in waiting})
    found = [(row, users[row.value]) for row in waiting if row.value in users]
    ScimMembership.objects.bulk_create(
        (ScimMembership(group_id=row.group_id, user_id=user) for row, user in found),
        ignore_conflicts=True,
    )
    ScimWaitingMember.objects.filter(pk__in=[row.pk for row, _ in found]).delete()
    return len(found)


def find_users(connection: Connection, values: Collection[str]) -> dict[str, int]:
    """Return the primary keys of the connection's users by id, externalId or userName.

    An id takes precedence over the other names. A name that several users have is left out.
    """
    known = ScimUser.objects.known_to(connection)
    named = known.filter(
        Q(scim_id__in=[scim_uuid(value) for value in values])
        | Q(scim_external_id__in=[value for value in values if value])
        | Q(user_name_key__in=[normalize_key(value) for value in values])
    )
    by_name: dict[str, set[int]] = {}
    by_id: dict[str, int] = {}
    for pk, scim_id, external_id, key in named.values_list(
        "pk", "scim_id", "scim_external_id", "user_name_key"
    ):
        by_id[str(scim_id)] = pk
        for name in {external_id, key} - {""}:
            by_name.setdefault(name, set()).add(pk)
    found: dict[str, int] = {}
    for value in values:
        # A name that several users have identifies none of them.
        pks = by_name.get(value, set()) or by_name.get(normalize_key(value), set())
        if value.lower() in by_id:
            found[value] = by_id[value.lower()]
        elif len(pks) == 1:
            found[value] = next(iter(pks))
    return found
