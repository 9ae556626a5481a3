"""Members of groups who are not here yet.

A provider may push a group before its people, or with the id of somebody who was deleted. The
group takes the others, and whoever is missing waits, as managers do, and joins as soon as a
user of the connection answers to the value: by id, externalId or userName.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Q

from people import tenancy
from people.values import normalize_key
from scim.models import Connection, ScimGroup, ScimMembership, ScimUser, ScimWaitingMember
from scim.rfc.ids import scim_uuid

AT_ONCE = 1_000


class Waiting(NamedTuple):
    pk: int
    group_id: int
    value: str


def add(group: ScimGroup, values: Collection[str]) -> None:
    """Have the group wait for the members."""
    longest = ScimWaitingMember.value.field.max_length
    ScimWaitingMember.objects.bulk_create(
        (ScimWaitingMember(group=group, value=value[:longest]) for value in sorted(values)),
        batch_size=AT_ONCE,
        ignore_conflicts=True,
    )


def remove(group: ScimGroup, values: Iterable[str]) -> None:
    """Have the group wait no longer for these members."""
    # Few groups wait for anybody, and a request may name thousands.
    if group.waiting_members.exists():
        group.waiting_members.filter(value__in=list(values)).delete()


def clear(group: ScimGroup) -> None:
    """Have the group wait for nobody."""
    group.waiting_members.all().delete()


def join_all() -> int:
    """Let everybody join who has arrived meanwhile, in all tenants; return how many joined."""
    joined = 0
    with tenancy.across_tenants():
        waited_for = Connection.objects.filter(disconnected_at=None)
        ids = ScimWaitingMember.objects.values("group__connection")
        connections = list(waited_for.filter(pk__in=ids))
    for connection in connections:
        with tenancy.use(connection.tenant_id):
            joined += join(connection)
    return joined


def join(connection: Connection) -> int:
    """Let those join who have arrived at the connection; return how many joined."""
    rows = ScimWaitingMember.objects.filter(
        group__connection=connection, group__deleted_at=None
    ).order_by("pk")
    joined = 0
    for batch in _batches([Waiting(*row) for row in rows.values_list("pk", "group_id", "value")]):
        users = _arrived(connection, {row.value for row in batch})
        found = [(row, users[row.value]) for row in batch if row.value in users]
        ScimMembership.objects.bulk_create(
            (ScimMembership(group_id=row.group_id, user_id=user) for row, user in found),
            ignore_conflicts=True,
        )
        ScimWaitingMember.objects.filter(pk__in=[row.pk for row, _ in found]).delete()
        joined += len(found)
    return joined


def _batches(rows: list[Waiting]) -> Iterable[list[Waiting]]:
    return (rows[begin : begin + AT_ONCE] for begin in range(0, len(rows), AT_ONCE))


def _arrived(connection: Connection, values: Collection[str]) -> dict[str, int]:
    """Return the keys of the users who answer to the values; ids count before other names."""
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
        # A name that two users share means neither.
        pks = by_name.get(value, set()) or by_name.get(normalize_key(value), set())
        if value.lower() in by_id:
            found[value] = by_id[value.lower()]
        elif len(pks) == 1:
            found[value] = next(iter(pks))
    return found
