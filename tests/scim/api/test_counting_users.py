"""The total of a list of all users …"""

from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from people import tenancy
from scim.models import ScimUser, UserCount, user_count
from tests.clients.scim import Provider, address
from tests.factories.scim import scim_user

pytestmark = pytest.mark.django_db

numbers = count()


@pytest.fixture
def twenty(scim: Provider) -> Provider:
    for _ in range(20):
        add(scim)
    return scim


def add(scim: Provider) -> ScimUser:
    with tenancy.use(scim.connection.tenant_id):
        return scim_user(scim.connection, f"u{next(numbers)}@example.com")


def delete(scim: Provider, position: int) -> None:
    users = ScimUser.objects.filter(connection=scim.connection, deleted_at=None).order_by("pk")
    with tenancy.use(scim.connection.tenant_id):
        scim_id = users[position].scim_id
    assert scim("DELETE", f"/Users/{scim_id}").status == 204


def total(scim: Provider, **parameters: object) -> int:
    answer = scim("GET", address("/Users", **{"count": 5} | parameters))
    found: int = answer.body["totalResults"]
    return found


def test_follows_users_who_are_added_and_deleted(twenty: Provider) -> None:
    assert total(twenty) == 20
    add(twenty)
    assert total(twenty) == 21
    delete(twenty, 3)
    assert total(twenty) == 20
    twenty.add("returns")
    gone = ScimUser.objects.filter(user_name_key="returns@example.com")
    with tenancy.across_tenants():
        found = gone.get()
    assert total(twenty) == 21
    assert twenty("DELETE", f"/Users/{found.scim_id}").status == 204
    assert total(twenty) == 20
    # The same row is used again.
    twenty.add("returns")
    assert total(twenty) == 21


def test_stays_right_on_later_pages_while_users_come_and_go(twenty: Provider) -> None:
    assert total(twenty, startIndex=1) == 20
    add(twenty)
    assert total(twenty, startIndex=6) == 21
    # One whom the client has seen: without that one in the total, it would miss the last user.
    delete(twenty, 2)
    assert total(twenty, startIndex=11) == 21
    add(twenty)
    assert total(twenty, startIndex=16) == 22
    # One whom it has not seen.
    delete(twenty, 20)
    assert total(twenty, startIndex=21) == 21


def test_stays_right_on_the_pages_of_a_cursor(twenty: Provider) -> None:
    first = twenty("GET", address("/Users", cursor="", count=5)).body
    add(twenty)
    second = twenty("GET", address("/Users", cursor=first["nextCursor"], count=5)).body
    delete(twenty, 2)
    third = twenty("GET", address("/Users", cursor=second["nextCursor"], count=5)).body

    assert [one["totalResults"] for one in (first, second, third)] == [20, 21, 21]


def test_is_the_same_after_the_sync_cycle_has_summed_up(twenty: Provider) -> None:
    delete(twenty, 0)
    user_count.sum_up()

    assert total(twenty) == 19
    if connection.vendor == "postgresql":
        assert UserCount.objects.get().users == 19
    add(twenty)
    assert total(twenty) == 20


def test_is_read_without_counting_users(twenty: Provider) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite counts")
    for parameters in ({"startIndex": 1}, {"startIndex": 6}, {"cursor": ""}):
        with CaptureQueriesContext(connection) as captured:
            assert total(twenty, **parameters) == 20
        [sql] = [one["sql"] for one in captured if "scim_usercount" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}")
            plan = [line for (line,) in cursor.fetchall()]
        read = [line for line in plan if "scim_scimuser u_" in line]
        assert len([line for line in read if "never executed" not in line]) == 1, read
