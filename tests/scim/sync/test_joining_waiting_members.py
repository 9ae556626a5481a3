"""Joining groups that were pushed before their members …"""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import tenancy
from people.models import Event
from scim.models import ScimGroup, ScimUser, ScimWaitingMember
from scim.sync import waiting_members
from scim.tasks import join_waiting_groups
from tests.clients.scim import Provider
from tests.scim.conftest import Connect
from tests.scim.sync.test_nested_groups import members_of

pytestmark = pytest.mark.django_db

WAITING = 200


def queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        waiting_members.join_all()
    return len(captured)


def arrive(provider: Provider, name: str, **said: Any) -> str:
    """Provision somebody, and let a worker do what the event of their arrival asks for."""
    scim_id = provider.add(name, **said)
    person = ScimUser.objects.get(scim_id=scim_id).person
    join_waiting_groups(Event.objects.filter(person=person).latest("pk"))
    return scim_id


@pytest.mark.parametrize(
    "value", ["ada@example.com", "ADA@Example.com", "X-1"], ids=["userName", "case", "externalId"]
)
def test_takes_place_when_the_member_arrives(scim: Provider, value: str) -> None:
    scim.add_group("Readers", value)

    ada = arrive(scim, "ada", externalId="X-1")

    assert members_of(scim, "Readers") == [("User", ada)]
    assert not ScimWaitingMember.objects.exists()


def test_leaves_who_waits_under_another_external_id(scim: Provider) -> None:
    """An externalId is case-exact (RFC 7643 section 3.1)."""
    scim.add_group("Readers", "x-1")

    arrive(scim, "ada", externalId="X-1")

    assert [one.value for one in ScimWaitingMember.objects.all()] == ["x-1"]


def test_takes_no_more_queries_for_all_who_wait_in_all_connections(
    scim: Provider, connect: Connect
) -> None:
    others = [connect("okta"), connect("entra")]
    scim.add_group("Readers", "grace@example.com")
    before = queries()

    for one in (scim, *others):
        one.add_group("Many", *(f"somebody-{number}@example.com" for number in range(WAITING)))

    assert queries() == before


def test_takes_place_in_the_sync_cycle_for_rows_of_the_version_before(scim: Provider) -> None:
    ada = scim.add("ada")
    scim.add_group("Readers")
    group = ScimGroup.objects.get()
    for value in ("ADA@example.com", "grace@example.com", ada.upper()):
        ScimWaitingMember.objects.create(group=group, value=value)

    assert waiting_members.join_all() == 2

    assert members_of(scim, "Readers") == [("User", ada)]
    [left] = ScimWaitingMember.objects.all()
    assert (left.value, left.value_key) == ("grace@example.com", "grace@example.com")


@pytest.fixture
def many(scim: Provider) -> None:
    """Have so many users that a search of the whole table is expensive."""
    scim.add_group("Readers", "somebody", "X-7000")
    now = timezone.now()
    ScimUser.objects.bulk_create(
        ScimUser(
            tenant_id=tenancy.current_id(),
            connection=scim.connection,
            scim_id=UUID(int=number),
            scim_external_id=f"X-{number}",
            scim_username=f"user-{number}",
            user_name_key=f"user-{number}",
            document={},
            created_at=now,
            modified_at=now,
        )
        for number in range(1, 5_001)
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads a plan of PostgreSQL")
@pytest.mark.usefixtures("many")
def test_finds_the_users_by_indexes(scim: Provider) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE scim_scimuser, scim_scimwaitingmember, scim_scimgroup")
    with tenancy.across_tenants():
        plan = waiting_members._arrived().explain()

    assert "Seq Scan on scim_scimuser" not in plan
