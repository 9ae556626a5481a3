"""Role sync of a connection at the same time as changes of its mappings."""

from collections.abc import Callable
from functools import partial
from itertools import count

import pytest
from django.db import transaction

from people.models import Grant, Person, Role
from people.operations.roles import base_roles
from people.operations.roles.group_mappings import Author
from people.values import VIA_MAPPING, Actor
from scim.connections import manage
from scim.models import GroupMapping, ScimGroup
from scim.sync import group_mappings, group_roles
from tests.clients.scim import Provider
from tests.scim.conftest import Connect
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db(transaction=True)

two = pytest.mark.parametrize("racers", [2], indirect=True)

ROUNDS = 4
MEMBERS = 8
OLGA = Author(actor=Actor("person", "owner@example.com"))
_rounds = count(1)


def mapped(scim: Provider, *roles: Role | Person.Role) -> ScimGroup:
    """Return a new group with these mappings, whose members have not been synced yet."""
    number = next(_rounds)
    scim.add_group(f"Group {number}")
    group = ScimGroup.objects.select_related("connection").get(scim_display_name=f"Group {number}")
    for role in roles:
        group_mappings.map_group(group, role, author=OLGA)
    members = [{"value": scim.add(f"p{number}-{one}")} for one in range(MEMBERS)]
    change = {"op": "add", "path": "members", "value": members}
    assert scim("PATCH", f"/Groups/{group.scim_id}", {"Operations": [change]}).status == 204
    return group


def count_orphaned_roles() -> int:
    """Return the number of roles whose mapping does not exist any more."""
    sources = {mapping.source for mapping in GroupMapping.objects.select_related("connection")}
    by_mapping = Grant.objects.filter(source__startswith=VIA_MAPPING).exclude(source__in=sources)
    raised = Person.objects.filter(role_source__startswith=VIA_MAPPING)
    number: int = by_mapping.count() + raised.exclude(role_source__in=sources).count()
    return number


def role_sync(scim: Provider) -> Callable[[], object]:
    return partial(group_roles.sync_roles_of, scim.connection)


@two
def test_disconnecting_during_role_sync_leaves_no_orphaned_roles(
    connect: Connect, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        scim = connect()
        mapped(scim, auditor, Person.Role.BOOKKEEPER)

        racers(
            role_sync(scim),
            partial(manage.disconnect, scim.connection, actor=OLGA.actor),
        )

        assert count_orphaned_roles() == 0


@two
def test_removing_mapping_during_role_sync_leaves_no_orphaned_roles(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)
        mapping = GroupMapping.objects.get(group=group, role=auditor)
        unmapping = partial(group_mappings.unmap, mapping, author=OLGA)

        racers(role_sync(scim), partial(group_mappings.apply, unmapping))

        assert count_orphaned_roles() == 0
        assert not Grant.objects.filter(role=auditor).exists()


@two
def test_two_simultaneous_role_syncs_grant_each_role_once(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)

        racers(role_sync(scim), role_sync(scim))

        source = GroupMapping.objects.select_related("connection").get(group=group).source
        assert Grant.objects.filter(source=source).count() == MEMBERS


@two
def test_disconnecting_does_not_deadlock_with_scim_request(
    connect: Connect, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        scim = connect()
        group = mapped(scim, Person.Role.BOOKKEEPER)
        group_roles.sync_roles_of(scim.connection)
        first = group.members.order_by("pk").first()
        assert first

        answer, is_new = racers(
            partial(scim.replace, str(first.scim_id), "title", "Countess"),
            partial(manage.disconnect, scim.connection, actor=OLGA.actor),
        )

        assert answer.status in (200, 401)
        assert is_new
        assert count_orphaned_roles() == 0


@two
def test_role_granted_by_hand_during_role_sync_is_kept(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)
        member = group.members.select_related("person").order_by("pk").last()
        assert member
        assert member.person

        racers(
            role_sync(scim),
            partial(base_roles.grant_role, member.person, auditor, actor=OLGA.actor),
        )

        assert Grant.objects.filter(person=member.person).count() == 2


@pytest.mark.parametrize("racers", [1], indirect=True)
def test_role_sync_is_skipped_while_another_one_holds_the_lock(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    mapped(scim, auditor)

    with transaction.atomic():
        group_roles.lock_role_sync(scim.connection)
        assert racers(role_sync(scim)) == [(0, True)]

    assert racers(role_sync(scim)) == [(MEMBERS, True)]
