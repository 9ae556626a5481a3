"""Waiting members of groups join when their user is created."""

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


def count_queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        waiting_members.join_all()
    return len(captured)


def arrive(provider: Provider, name: str, **values: Any) -> str:
    """Create a user, and run the background job for its creation event."""
    scim_id = provider.add(name, **values)
    person = ScimUser.objects.get(scim_id=scim_id).person
    join_waiting_groups(Event.objects.filter(person=person).latest("pk"))
    return scim_id


@pytest.mark.parametrize(
    "value", ["ada@example.com", "ADA@Example.com", "X-1"], ids=["userName", "case", "externalId"]
)
def test_waiting_member_joins_when_user_is_created(scim: Provider, value: str) -> None:
    scim.add_group("Readers", value)

    ada = arrive(scim, "ada", externalId="X-1")

    assert members_of(scim, "Readers") == [("User", ada)]
    assert not ScimWaitingMember.objects.exists()


def test_external_id_of_waiting_member_is_case_sensitive(scim: Provider) -> None:
    """An externalId is case-exact (RFC 7643 section 3.1)."""
    scim.add_group("Readers", "x-1")

    arrive(scim, "ada", externalId="X-1")

    assert [one.value for one in ScimWaitingMember.objects.all()] == ["x-1"]


def test_query_count_does_not_grow_with_waiting_members_or_connections(
    scim: Provider, connect: Connect
) -> None:
    others = [connect("okta"), connect("entra")]
    scim.add_group("Readers", "grace@example.com")
    before = count_queries()

    for one in (scim, *others):
        one.add_group("Many", *(f"somebody-{number}@example.com" for number in range(WAITING)))

    assert count_queries() == before


def test_sync_cycle_joins_waiting_members_stored_by_previous_version(scim: Provider) -> None:
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
def five_thousand_users(scim: Provider) -> None:
    """Create enough users to make PostgreSQL prefer an index."""
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
@pytest.mark.usefixtures("five_thousand_users")
def test_users_are_found_by_index(scim: Provider) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE scim_scimuser, scim_scimwaitingmember, scim_scimgroup")
    with tenancy.across_tenants():
        plan = waiting_members._arrived().explain()

    assert "Seq Scan on scim_scimuser" not in plan
