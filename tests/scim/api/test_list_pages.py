"""Paging through lists by index and by cursor."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from people import tenancy
from scim.models import Connection, PaginationAnchor
from tests.clients.scim import SEARCH, Answer, Provider, address
from tests.factories.scim import scim_group, scim_user
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def add_users(connection: Connection, *names: str) -> None:
    with tenancy.use(connection.tenant_id):
        for name in names:
            scim_user(connection, name)


def user_names(count: int, first: int = 0) -> list[str]:
    return [f"u{number:03}" for number in range(first, first + count)]


@pytest.fixture
def ten_users(scim: Provider) -> Provider:
    add_users(scim.connection, *user_names(10))
    return scim


def get_page(scim: Provider, **parameters: Any) -> Answer:
    answer = scim("GET", address("/Users", **parameters))
    assert answer.status == 200, answer.content
    assert answer.body["schemas"] == [LIST]
    assert answer.body["itemsPerPage"] == len(answer.body["Resources"])
    return answer


class TestIndex:
    @pytest.mark.parametrize(
        ("parameters", "names", "start_index"),
        [
            ({}, user_names(10), 1),
            ({"count": 3}, user_names(3), 1),
            ({"startIndex": 4, "count": 3}, user_names(3, 3), 4),
            ({"startIndex": 9, "count": 5}, user_names(2, 8), 9),
            ({"startIndex": 11}, [], 11),
            ({"startIndex": 10**30}, [], 2**31),
            ({"startIndex": 0, "count": 2}, user_names(2), 1),
            ({"startIndex": -7, "count": 2}, user_names(2), 1),
            ({"count": 0}, [], 1),
            ({"count": -3}, [], 1),
            ({"count": 10**30}, user_names(10), 1),
            ({"count": ""}, user_names(10), 1),
            ({"STARTINDEX": 2, "Count": 1}, user_names(1, 1), 2),
        ],
        ids=str,
    )
    def test_start_index_and_count_select_the_page(
        self, ten_users: Provider, parameters: dict[str, Any], names: list[str], start_index: int
    ) -> None:
        answer = get_page(ten_users, **parameters)

        assert answer.names == names
        assert (answer.body["totalResults"], answer.body["startIndex"]) == (10, start_index)
        assert "nextCursor" not in answer.body

    def test_page_has_at_most_two_hundred_resources(self, scim: Provider) -> None:
        add_users(scim.connection, *user_names(205))

        assert len(get_page(scim, count=1000).names) == 200
        assert len(get_page(scim).names) == 100

    def test_total_counts_the_filtered_users(self, ten_users: Provider) -> None:
        answer = get_page(ten_users, filter='userName ge "u006"', startIndex=2, count=2)

        assert (answer.names, answer.body["totalResults"]) == (user_names(2, 7), 4)

    def test_order_does_not_change_with_user_names(self, connect: Connect) -> None:
        generic = connect("generic")
        add_users(generic.connection, *user_names(10))
        first = get_page(generic).body["Resources"][0]["id"]

        assert generic.replace(first, "userName", "zoe").status == 200

        assert get_page(generic).names == ["zoe", *user_names(9, 1)]


Walk = Callable[[Provider, str, Callable[[], object]], list[str]]


def by_index(scim: Provider, text: str, meanwhile: Callable[[], object]) -> list[str]:
    """Page as Okta and Entra do: up to the total of the last page."""
    seen: list[str] = []
    start_index, total = 1, 1
    while start_index <= total:
        answer = get_page(scim, startIndex=start_index, count=5, filter=text)
        seen += answer.names
        total = answer.body["totalResults"]
        start_index += answer.body["itemsPerPage"] or 1
        meanwhile()
    return seen


def by_cursor(scim: Provider, text: str, meanwhile: Callable[[], object]) -> list[str]:
    """Page as in RFC 9865, as long as there is a next cursor."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = get_page(scim, cursor=cursor, count=5, filter=text)
        seen += answer.names
        cursor = answer.body.get("nextCursor")
        meanwhile()
    return seen


@pytest.mark.parametrize("walk", [by_index, by_cursor])
class TestAllPages:
    @pytest.mark.parametrize("text", ["userName pr", 'userName sw "u"', 'userName ge "u020"'])
    def test_every_user_is_listed_once(self, scim: Provider, walk: Walk, text: str) -> None:
        add_users(scim.connection, *user_names(43))

        first = 20 if "ge" in text else 0
        assert walk(scim, text, lambda: None) == user_names(43 - first, first)

    @pytest.mark.parametrize("leaving", [1, 3, 9])
    def test_no_remaining_user_is_missed_while_others_are_deleted(
        self, scim: Provider, walk: Walk, leaving: int
    ) -> None:
        add_users(scim.connection, *user_names(40))
        ids = {one["userName"]: one["id"] for one in get_page(scim).body["Resources"]}
        going = iter(user_names(30))
        gone: list[str] = []

        def leave() -> None:
            for _, name in zip(range(leaving), going, strict=False):
                scim("DELETE", f"/Users/{ids[name]}")
                gone.append(name)

        seen = walk(scim, "userName pr", leave)

        assert len(seen) == len(set(seen))
        assert set(user_names(40)) - set(gone) <= set(seen)

    def test_users_created_meanwhile_are_listed(self, scim: Provider, walk: Walk) -> None:
        add_users(scim.connection, *user_names(12))
        coming = iter(user_names(5, 100))

        def come() -> None:
            for _, name in zip(range(2), coming, strict=False):
                add_users(scim.connection, name)

        assert walk(scim, "userName pr", come) == [*user_names(12), *user_names(5, 100)]

    def test_renamed_users_are_listed_once(self, scim: Provider, walk: Walk) -> None:
        add_users(scim.connection, *user_names(20))
        ids = [one["id"] for one in get_page(scim).body["Resources"]]
        renamed = iter(enumerate(ids))

        def rename() -> None:
            for _, (number, scim_id) in zip(range(4), renamed, strict=False):
                scim.replace(scim_id, "userName", f"{'az'[number % 2]}{number}")

        assert len(walk(scim, "userName pr", rename)) == 20

    def test_pages_of_another_filter_start_again(self, scim: Provider, walk: Walk) -> None:
        add_users(scim.connection, *user_names(12))
        walk(scim, "userName pr", lambda: None)
        ids = {one["userName"]: one["id"] for one in get_page(scim).body["Resources"]}
        scim("DELETE", f"/Users/{ids['u000']}")

        assert walk(scim, 'userName sw "u"', lambda: None) == user_names(11, 1)

    def test_first_page_starts_again_after_deletions(self, scim: Provider, walk: Walk) -> None:
        add_users(scim.connection, *user_names(12))
        walk(scim, "userName pr", lambda: None)
        ids = {one["userName"]: one["id"] for one in get_page(scim).body["Resources"]}
        for name in user_names(6):
            scim("DELETE", f"/Users/{ids[name]}")

        assert walk(scim, "userName pr", lambda: None) == user_names(6, 6)


class TestCursor:
    def test_empty_cursor_requests_the_first_page(self, ten_users: Provider) -> None:
        answer = get_page(ten_users, cursor="", count=4)

        assert answer.names == user_names(4)
        assert answer.body["totalResults"] == 10
        assert "startIndex" not in answer.body
        assert get_page(ten_users, cursor=answer.body["nextCursor"], count=4).names == user_names(
            4, 4
        )

    def test_last_page_has_no_cursor(self, ten_users: Provider) -> None:
        cursor = get_page(ten_users, cursor="", count=5).body["nextCursor"]

        assert "nextCursor" not in get_page(ten_users, cursor=cursor, count=5).body
        assert "nextCursor" not in get_page(ten_users, cursor="", count=10).body

    def test_cursor_follows_any_sort_order(self, ten_users: Provider) -> None:
        wanted: dict[str, Any] = {"sortBy": "userName", "sortOrder": "descending", "count": 4}
        first = get_page(ten_users, cursor="", **wanted)
        second = get_page(ten_users, cursor=first.body["nextCursor"], **wanted)

        assert first.names + second.names == user_names(10)[:1:-1]

    def test_cursor_works_in_searches(self, ten_users: Provider) -> None:
        first = ten_users("POST", "/Users/.search", {"schemas": [SEARCH], "cursor": "", "count": 6})
        more: dict[str, Any] = {"cursor": first.body["nextCursor"], "count": 6}

        assert ten_users("POST", "/Users/.search", more).names == user_names(4, 6)

    def test_cursor_pages_store_nothing(self, ten_users: Provider) -> None:
        get_page(ten_users, cursor="", count=4)

        assert not PaginationAnchor.objects.exists()

    @pytest.mark.parametrize(
        ("change", "scim_type"),
        [
            ({"filter": "active eq true"}, "invalidCursor"),
            ({"sortBy": "userName"}, "invalidCursor"),
            ({"count": 5}, "invalidCount"),
        ],
        ids=["filter", "order", "count"],
    )
    def test_cursor_is_refused_with_other_parameters(
        self, ten_users: Provider, change: dict[str, Any], scim_type: str
    ) -> None:
        cursor = get_page(ten_users, cursor="", count=4).body["nextCursor"]

        answer = ten_users("GET", address("/Users", **({"cursor": cursor, "count": 4} | change)))

        assert (answer.status, answer.body["scimType"]) == (400, scim_type)

    @pytest.mark.parametrize("position", [0, 20, -1])
    def test_forged_cursor_is_refused(self, ten_users: Provider, position: int) -> None:
        cursor = list(get_page(ten_users, cursor="", count=4).body["nextCursor"])
        cursor[position] = "A" if cursor[position] != "A" else "Q"

        answer = ten_users("GET", address("/Users", cursor="".join(cursor), count=4))

        assert (answer.status, answer.body["scimType"]) == (400, "invalidCursor")

    def test_cursor_expires_after_an_hour(self, ten_users: Provider) -> None:
        cursor = get_page(ten_users, cursor="", count=4).body["nextCursor"]

        with time_machine.travel(timezone.now() + timedelta(minutes=59)):
            get_page(ten_users, cursor=cursor, count=4)
        with time_machine.travel(timezone.now() + timedelta(minutes=61)):
            answer = ten_users("GET", address("/Users", cursor=cursor, count=4))

        assert (answer.status, answer.body["scimType"]) == (400, "expiredCursor")

    def test_cursor_is_valid_after_the_secret_key_is_replaced(
        self, ten_users: Provider, settings: Settings
    ) -> None:
        first = get_page(ten_users, cursor="", count=4)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the next one"

        assert get_page(ten_users, cursor=first.body["nextCursor"], count=4).names == user_names(
            4, 4
        )

    def test_cursor_timeout_and_page_sizes_are_published(self, scim: Provider) -> None:
        pagination = scim("GET", "/ServiceProviderConfig").body["pagination"]

        assert pagination["cursorTimeout"] == 3600
        assert (pagination["defaultPageSize"], pagination["maxPageSize"]) == (100, 200)


class TestQueryCount:
    """These requests are three quarters of all requests; their query count is constant."""

    @pytest.fixture(params=[10, 100])
    def provider_with_many_users(
        self, request: pytest.FixtureRequest, connect: Connect
    ) -> Provider:
        scim = connect()
        with tenancy.use(scim.connection.tenant_id):
            users = [scim_user(scim.connection, name) for name in user_names(request.param)]
            for name in ("Editors", "Readers"):
                scim_group(scim.connection, name, *users)
        scim("GET", "/Users?count=1")  # Prepare the statements that are prepared once.
        return scim

    @pytest.mark.parametrize(
        ("path", "queries"),
        [
            ('/Users?filter=userName eq "u005"', 1),
            ('/Users?filter=externalId eq "x"', 1),
            ('/Users?filter=userName eq "nobody"&startIndex=1&count=100', 1),
            ("/Users", 1),
            ("/Users?count=5", 1),
            ("/Users?startIndex=2&count=5", 1),
            ("/Users?filter=active eq true", 3),
            ("/Users?attributes=userName", 1),
            ("/Users?cursor&count=5", 1),
            ("/Users?count=0", 1),
            ("/Groups", 4),
            ("/Groups?excludedAttributes=members", 2),
            # The second query asks whether a signal stream has SCIM events.
            ("/ServiceProviderConfig", 2),
        ],
    )
    def test_lists_need_a_constant_number_of_queries(
        self,
        provider_with_many_users: Provider,
        django_assert_num_queries: DjangoAssertNumQueries,
        path: str,
        queries: int,
    ) -> None:
        with django_assert_num_queries(queries):
            assert provider_with_many_users("GET", path).status == 200

    def test_one_user_needs_one_query(
        self, provider_with_many_users: Provider, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        scim_id = get_page(provider_with_many_users, count=1).body["Resources"][0]["id"]

        with django_assert_num_queries(1):
            assert len(provider_with_many_users.read(scim_id)["groups"]) == 2
