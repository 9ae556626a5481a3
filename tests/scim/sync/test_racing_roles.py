"""Whoever follows the groups, while somebody ends what they follow …"""

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
    """Return a new group that brings the roles, and whose members nobody has followed yet."""
    number = next(_rounds)
    scim.add_group(f"Group {number}")
    group = ScimGroup.objects.select_related("connection").get(scim_display_name=f"Group {number}")
    for role in roles:
        group_mappings.map_group(group, role, author=OLGA)
    members = [{"value": scim.add(f"p{number}-{one}")} for one in range(MEMBERS)]
    change = {"op": "add", "path": "members", "value": members}
    assert scim("PATCH", f"/Groups/{group.scim_id}", {"Operations": [change]}).status == 204
    return group


def left_behind() -> int:
    """Return how many roles nobody can withdraw, for no mapping stands for them any more."""
    sources = {mapping.source for mapping in GroupMapping.objects.select_related("connection")}
    by_mapping = Grant.objects.filter(source__startswith=VIA_MAPPING).exclude(source__in=sources)
    raised = Person.objects.filter(role_source__startswith=VIA_MAPPING)
    number: int = by_mapping.count() + raised.exclude(role_source__in=sources).count()
    return number


def following(scim: Provider) -> Callable[[], object]:
    return partial(group_roles.sync_roles_of, scim.connection)


@two
def test_gives_nothing_once_the_provider_is_disconnected(
    connect: Connect, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        scim = connect()
        mapped(scim, auditor, Person.Role.BOOKKEEPER)

        racers(
            following(scim),
            partial(manage.disconnect, scim.connection, actor=OLGA.actor),
        )

        assert left_behind() == 0


@two
def test_gives_nothing_once_the_mapping_is_removed(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)
        mapping = GroupMapping.objects.get(group=group, role=auditor)
        unmapping = partial(group_mappings.unmap, mapping, author=OLGA)

        racers(following(scim), partial(group_mappings.apply, unmapping))

        assert left_behind() == 0
        assert not Grant.objects.filter(role=auditor).exists()


@two
def test_gives_each_role_once_to_those_who_follow_together(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)

        racers(following(scim), following(scim))

        source = GroupMapping.objects.select_related("connection").get(group=group).source
        assert Grant.objects.filter(source=source).count() == MEMBERS


@two
def test_waits_for_no_request_that_waits_for_them(
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
        assert left_behind() == 0


@two
def test_leaves_a_role_that_is_given_by_hand_meanwhile(
    scim: Provider, racers: Racers, auditor: Role
) -> None:
    for _ in range(ROUNDS):
        group = mapped(scim, auditor)
        member = group.members.select_related("person").order_by("pk").last()
        assert member
        assert member.person

        racers(
            following(scim),
            partial(base_roles.grant_role, member.person, auditor, actor=OLGA.actor),
        )

        assert Grant.objects.filter(person=member.person).count() == 2


@pytest.mark.parametrize("racers", [1], indirect=True)
def test_leaves_them_to_whoever_is_at_it(scim: Provider, racers: Racers, auditor: Role) -> None:
    mapped(scim, auditor)

    with transaction.atomic():
        group_roles.lock_role_sync(scim.connection)
        assert racers(following(scim)) == [(0, True)]

    assert racers(following(scim)) == [(MEMBERS, True)]
