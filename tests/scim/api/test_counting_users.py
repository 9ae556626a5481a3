"""The value of totalResults in a list of all users."""

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
def twenty_users(scim: Provider) -> Provider:
    for _ in range(20):
        add_user(scim)
    return scim


def add_user(scim: Provider) -> ScimUser:
    with tenancy.use(scim.connection.tenant_id):
        return scim_user(scim.connection, f"u{next(numbers)}@example.com")


def delete_user(scim: Provider, position: int) -> None:
    users = ScimUser.objects.filter(connection=scim.connection, deleted_at=None).order_by("pk")
    with tenancy.use(scim.connection.tenant_id):
        scim_id = users[position].scim_id
    assert scim("DELETE", f"/Users/{scim_id}").status == 204


def total(scim: Provider, **parameters: object) -> int:
    answer = scim("GET", address("/Users", **{"count": 5} | parameters))
    found: int = answer.body["totalResults"]
    return found


def test_total_changes_with_created_deleted_and_restored_users(twenty_users: Provider) -> None:
    assert total(twenty_users) == 20
    add_user(twenty_users)
    assert total(twenty_users) == 21
    delete_user(twenty_users, 3)
    assert total(twenty_users) == 20
    twenty_users.add("returns")
    gone = ScimUser.objects.filter(user_name_key="returns@example.com")
    with tenancy.across_tenants():
        found = gone.get()
    assert total(twenty_users) == 21
    assert twenty_users("DELETE", f"/Users/{found.scim_id}").status == 204
    assert total(twenty_users) == 20
    # The deleted row is used again.
    twenty_users.add("returns")
    assert total(twenty_users) == 21


def test_total_is_consistent_across_pages_while_users_change(twenty_users: Provider) -> None:
    assert total(twenty_users, startIndex=1) == 20
    add_user(twenty_users)
    assert total(twenty_users, startIndex=6) == 21
    # The client has seen this user; a lower total would make it miss the last user.
    delete_user(twenty_users, 2)
    assert total(twenty_users, startIndex=11) == 21
    add_user(twenty_users)
    assert total(twenty_users, startIndex=16) == 22
    # The client has not seen this user.
    delete_user(twenty_users, 20)
    assert total(twenty_users, startIndex=21) == 21


def test_total_is_consistent_across_cursor_pages(twenty_users: Provider) -> None:
    first = twenty_users("GET", address("/Users", cursor="", count=5)).body
    add_user(twenty_users)
    second = twenty_users("GET", address("/Users", cursor=first["nextCursor"], count=5)).body
    delete_user(twenty_users, 2)
    third = twenty_users("GET", address("/Users", cursor=second["nextCursor"], count=5)).body

    assert [one["totalResults"] for one in (first, second, third)] == [20, 21, 21]


def test_total_is_the_same_after_the_sync_cycle(twenty_users: Provider) -> None:
    delete_user(twenty_users, 0)
    user_count.sum_up()

    assert total(twenty_users) == 19
    if connection.vendor == "postgresql":
        assert UserCount.objects.get().users == 19
    add_user(twenty_users)
    assert total(twenty_users) == 20


def test_total_is_read_without_counting_users(twenty_users: Provider) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite counts")
    for parameters in ({"startIndex": 1}, {"startIndex": 6}, {"cursor": ""}):
        with CaptureQueriesContext(connection) as captured:
            assert total(twenty_users, **parameters) == 20
        [sql] = [one["sql"] for one in captured if "scim_usercount" in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}")
            plan = [line for (line,) in cursor.fetchall()]
        read = [line for line in plan if "scim_scimuser u_" in line]
        assert len([line for line in read if "never executed" not in line]) == 1, read
