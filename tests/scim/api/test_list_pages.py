"""A list …"""

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


def fill(connection: Connection, *names: str) -> None:
    with tenancy.use(connection.tenant_id):
        for name in names:
            scim_user(connection, name)


def people(count: int, first: int = 0) -> list[str]:
    return [f"u{number:03}" for number in range(first, first + count)]


@pytest.fixture
def ten(scim: Provider) -> Provider:
    fill(scim.connection, *people(10))
    return scim


def page(scim: Provider, **parameters: Any) -> Answer:
    answer = scim("GET", address("/Users", **parameters))
    assert answer.status == 200, answer.content
    assert answer.body["schemas"] == [LIST]
    assert answer.body["itemsPerPage"] == len(answer.body["Resources"])
    return answer


class TestByIndex:
    @pytest.mark.parametrize(
        ("parameters", "names", "start_index"),
        [
            ({}, people(10), 1),
            ({"count": 3}, people(3), 1),
            ({"startIndex": 4, "count": 3}, people(3, 3), 4),
            ({"startIndex": 9, "count": 5}, people(2, 8), 9),
            ({"startIndex": 11}, [], 11),
            ({"startIndex": 10**30}, [], 2**31),
            ({"startIndex": 0, "count": 2}, people(2), 1),
            ({"startIndex": -7, "count": 2}, people(2), 1),
            ({"count": 0}, [], 1),
            ({"count": -3}, [], 1),
            ({"count": 10**30}, people(10), 1),
            ({"count": ""}, people(10), 1),
            ({"STARTINDEX": 2, "Count": 1}, people(1, 1), 2),
        ],
        ids=str,
    )
    def test_shows_what_was_asked_for(
        self, ten: Provider, parameters: dict[str, Any], names: list[str], start_index: int
    ) -> None:
        answer = page(ten, **parameters)

        assert answer.names == names
        assert (answer.body["totalResults"], answer.body["startIndex"]) == (10, start_index)
        assert "nextCursor" not in answer.body

    def test_shows_at_most_two_hundred_at_once(self, scim: Provider) -> None:
        fill(scim.connection, *people(205))

        assert len(page(scim, count=1000).names) == 200
        assert len(page(scim).names) == 100

    def test_counts_what_the_filter_leaves(self, ten: Provider) -> None:
        answer = page(ten, filter='userName ge "u006"', startIndex=2, count=2)

        assert (answer.names, answer.body["totalResults"]) == (people(2, 7), 4)

    def test_keeps_its_order_when_people_change(self, connect: Connect) -> None:
        generic = connect("generic")
        fill(generic.connection, *people(10))
        first = page(generic).body["Resources"][0]["id"]

        assert generic.replace(first, "userName", "zoe").status == 200

        assert page(generic).names == ["zoe", *people(9, 1)]


Walk = Callable[[Provider, str, Callable[[], object]], list[str]]


def by_index(scim: Provider, text: str, meanwhile: Callable[[], object]) -> list[str]:
    """Walk as Okta and Entra do: to the number that the last page said there are."""
    seen: list[str] = []
    start_index, total = 1, 1
    while start_index <= total:
        answer = page(scim, startIndex=start_index, count=5, filter=text)
        seen += answer.names
        total = answer.body["totalResults"]
        start_index += answer.body["itemsPerPage"] or 1
        meanwhile()
    return seen


def by_cursor(scim: Provider, text: str, meanwhile: Callable[[], object]) -> list[str]:
    """Walk as RFC 9865 has it, for as long as there is a next cursor."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = page(scim, cursor=cursor, count=5, filter=text)
        seen += answer.names
        cursor = answer.body.get("nextCursor")
        meanwhile()
    return seen


@pytest.mark.parametrize("walk", [by_index, by_cursor])
class TestWalkedThrough:
    @pytest.mark.parametrize("text", ["userName pr", 'userName sw "u"', 'userName ge "u020"'])
    def test_shows_everybody_once(self, scim: Provider, walk: Walk, text: str) -> None:
        fill(scim.connection, *people(43))

        first = 20 if "ge" in text else 0
        assert walk(scim, text, lambda: None) == people(43 - first, first)

    @pytest.mark.parametrize("leaving", [1, 3, 9])
    def test_misses_nobody_who_stays_while_others_leave(
        self, scim: Provider, walk: Walk, leaving: int
    ) -> None:
        fill(scim.connection, *people(40))
        ids = {one["userName"]: one["id"] for one in page(scim).body["Resources"]}
        going = iter(people(30))
        gone: list[str] = []

        def leave() -> None:
            for _, name in zip(range(leaving), going, strict=False):
                scim("DELETE", f"/Users/{ids[name]}")
                gone.append(name)

        seen = walk(scim, "userName pr", leave)

        assert len(seen) == len(set(seen))
        assert set(people(40)) - set(gone) <= set(seen)

    def test_misses_nobody_who_comes_meanwhile(self, scim: Provider, walk: Walk) -> None:
        fill(scim.connection, *people(12))
        coming = iter(people(5, 100))

        def come() -> None:
            for _, name in zip(range(2), coming, strict=False):
                fill(scim.connection, name)

        assert walk(scim, "userName pr", come) == [*people(12), *people(5, 100)]

    def test_shows_who_is_renamed_once(self, scim: Provider, walk: Walk) -> None:
        fill(scim.connection, *people(20))
        ids = [one["id"] for one in page(scim).body["Resources"]]
        renamed = iter(enumerate(ids))

        def rename() -> None:
            for _, (number, scim_id) in zip(range(4), renamed, strict=False):
                scim.replace(scim_id, "userName", f"{'az'[number % 2]}{number}")

        assert len(walk(scim, "userName pr", rename)) == 20

    def test_is_another_for_another_filter(self, scim: Provider, walk: Walk) -> None:
        fill(scim.connection, *people(12))
        walk(scim, "userName pr", lambda: None)
        ids = {one["userName"]: one["id"] for one in page(scim).body["Resources"]}
        scim("DELETE", f"/Users/{ids['u000']}")

        assert walk(scim, 'userName sw "u"', lambda: None) == people(11, 1)

    def test_begins_anew_with_the_first_page(self, scim: Provider, walk: Walk) -> None:
        fill(scim.connection, *people(12))
        walk(scim, "userName pr", lambda: None)
        ids = {one["userName"]: one["id"] for one in page(scim).body["Resources"]}
        for name in people(6):
            scim("DELETE", f"/Users/{ids[name]}")

        assert walk(scim, "userName pr", lambda: None) == people(6, 6)


class TestByCursor:
    def test_begins_with_an_empty_one(self, ten: Provider) -> None:
        answer = page(ten, cursor="", count=4)

        assert answer.names == people(4)
        assert answer.body["totalResults"] == 10
        assert "startIndex" not in answer.body
        assert page(ten, cursor=answer.body["nextCursor"], count=4).names == people(4, 4)

    def test_ends_without_one(self, ten: Provider) -> None:
        cursor = page(ten, cursor="", count=5).body["nextCursor"]

        assert "nextCursor" not in page(ten, cursor=cursor, count=5).body
        assert "nextCursor" not in page(ten, cursor="", count=10).body

    def test_is_walked_in_any_order(self, ten: Provider) -> None:
        wanted: dict[str, Any] = {"sortBy": "userName", "sortOrder": "descending", "count": 4}
        first = page(ten, cursor="", **wanted)
        second = page(ten, cursor=first.body["nextCursor"], **wanted)

        assert first.names + second.names == people(10)[:1:-1]

    def test_is_walked_in_searches_too(self, ten: Provider) -> None:
        first = ten("POST", "/Users/.search", {"schemas": [SEARCH], "cursor": "", "count": 6})
        more: dict[str, Any] = {"cursor": first.body["nextCursor"], "count": 6}

        assert ten("POST", "/Users/.search", more).names == people(4, 6)

    def test_writes_nothing(self, ten: Provider) -> None:
        page(ten, cursor="", count=4)

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
    def test_goes_on_only_as_it_began(
        self, ten: Provider, change: dict[str, Any], scim_type: str
    ) -> None:
        cursor = page(ten, cursor="", count=4).body["nextCursor"]

        answer = ten("GET", address("/Users", **({"cursor": cursor, "count": 4} | change)))

        assert (answer.status, answer.body["scimType"]) == (400, scim_type)

    @pytest.mark.parametrize("position", [0, 20, -1])
    def test_cannot_be_forged(self, ten: Provider, position: int) -> None:
        cursor = list(page(ten, cursor="", count=4).body["nextCursor"])
        cursor[position] = "A" if cursor[position] != "A" else "Q"

        answer = ten("GET", address("/Users", cursor="".join(cursor), count=4))

        assert (answer.status, answer.body["scimType"]) == (400, "invalidCursor")

    def test_expires(self, ten: Provider) -> None:
        cursor = page(ten, cursor="", count=4).body["nextCursor"]

        with time_machine.travel(timezone.now() + timedelta(minutes=59)):
            page(ten, cursor=cursor, count=4)
        with time_machine.travel(timezone.now() + timedelta(minutes=61)):
            answer = ten("GET", address("/Users", cursor=cursor, count=4))

        assert (answer.status, answer.body["scimType"]) == (400, "expiredCursor")

    def test_outlives_a_new_secret_key(self, ten: Provider, settings: Settings) -> None:
        first = page(ten, cursor="", count=4)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the next one"

        assert page(ten, cursor=first.body["nextCursor"], count=4).names == people(4, 4)

    def test_lives_as_long_as_the_configuration_says(self, scim: Provider) -> None:
        pagination = scim("GET", "/ServiceProviderConfig").body["pagination"]

        assert pagination["cursorTimeout"] == 3600
        assert (pagination["defaultPageSize"], pagination["maxPageSize"]) == (100, 200)


class TestCostsTheSame:
    """However many there are: three quarters of what providers ask is one of these."""

    @pytest.fixture(params=[10, 100])
    def full(self, request: pytest.FixtureRequest, connect: Connect) -> Provider:
        scim = connect()
        with tenancy.use(scim.connection.tenant_id):
            users = [scim_user(scim.connection, name) for name in people(request.param)]
            for name in ("Editors", "Readers"):
                scim_group(scim.connection, name, *users)
        scim("GET", "/Users?count=1")  # What is prepared once is prepared now.
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
            # The second one: whether a signal stream has SCIM events.
            ("/ServiceProviderConfig", 2),
        ],
    )
    def test_in_queries(
        self,
        full: Provider,
        django_assert_num_queries: DjangoAssertNumQueries,
        path: str,
        queries: int,
    ) -> None:
        with django_assert_num_queries(queries):
            assert full("GET", path).status == 200

    def test_for_one_person(
        self, full: Provider, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        scim_id = page(full, count=1).body["Resources"][0]["id"]

        with django_assert_num_queries(1):
            assert len(full.read(scim_id)["groups"]) == 2
