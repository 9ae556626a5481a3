"""Sorting, selected attributes and lists of several resource types."""

from collections.abc import Callable
from typing import Any

import pytest

from people import tenancy
from tests.clients.scim import ENT, SEARCH, Answer, Provider, address
from tests.factories.scim import scim_group, scim_user

pytestmark = pytest.mark.django_db


def found(scim: Provider, **parameters: Any) -> Answer:
    answer = scim("GET", address("/Users", **parameters))
    assert answer.status == 200, answer.content
    return answer


class TestSorting:
    @pytest.fixture
    def three_users(self, scim: Provider) -> Provider:
        with tenancy.use(scim.connection.tenant_id):
            scim_user(scim.connection, "cy", title="Analyst", **{ENT: {"department": "b"}})
            scim_user(scim.connection, "Ada", emails=[{"value": "z@x.example"}])
            scim_user(scim.connection, "bob", title="boss", **{ENT: {"department": "A"}})
        return scim

    @pytest.mark.parametrize(
        ("by", "up", "down"),
        [
            ("userName", "Ada bob cy", "cy bob Ada"),
            ("USERNAME", "Ada bob cy", "cy bob Ada"),
            ("title", "cy bob Ada", "Ada bob cy"),
            (f"{ENT}:department", "bob cy Ada", "Ada cy bob"),
            ("emails.value", "Ada cy bob", "cy bob Ada"),
            ("meta.created", "cy Ada bob", "bob Ada cy"),
        ],
    )
    def test_users_are_sorted_in_both_directions(
        self, three_users: Provider, by: str, up: str, down: str
    ) -> None:
        assert found(three_users, sortBy=by).names == up.split()
        assert found(three_users, sortBy=by, sortOrder="ascending").names == up.split()
        assert found(three_users, sortBy=by, sortOrder="Descending").names == down.split()

    def test_pages_are_sorted(self, three_users: Provider) -> None:
        pages = [
            found(three_users, sortBy="userName", startIndex=n, count=1).names for n in (1, 2, 3)
        ]

        assert pages == [["Ada"], ["bob"], ["cy"]]

    def test_searches_are_sorted(self, three_users: Provider) -> None:
        sent = {"schemas": [SEARCH], "sortBy": "userName", "sortOrder": "descending"}

        assert three_users("POST", "/Users/.search", sent).names == ["cy", "bob", "Ada"]


class TestSelectedAttributes:
    ALWAYS = {"schemas", "id"}

    @pytest.fixture(params=["one", "list", "search"])
    def ask(self, request: pytest.FixtureRequest, scim: Provider) -> Callable[..., Any]:
        scim_id = scim.add("ada", nickName="A", phoneNumbers=[{"value": "1", "type": "work"}])
        scim.add_group("Editors", scim_id)

        def ask(**wanted: str) -> Any:
            if request.param == "one":
                return scim("GET", address(f"/Users/{scim_id}", **wanted)).body
            if request.param == "list":
                return found(scim, **wanted).body["Resources"][0]
            body = {name: value.split(",") for name, value in wanted.items()}
            return scim("POST", "/Users/.search", body).body["Resources"][0]

        return ask

    def test_attributes_limits_the_answer(self, ask: Callable[..., Any]) -> None:
        assert set(ask(attributes="userName")) == self.ALWAYS | {"userName"}
        assert set(ask(attributes="USERNAME,groups")) == self.ALWAYS | {"userName", "groups"}
        assert ask(attributes="name.givenName")["name"] == {"givenName": "Ada"}
        assert ask(attributes="emails.value")["emails"] == [{"value": "ada@example.com"}]
        assert ask(attributes=f"{ENT}:department")[ENT] == {"department": "Research"}
        assert set(ask(attributes="shoeSize")) == self.ALWAYS
        assert set(ask(attributes="meta.version")["meta"]) == {"version"}

    def test_excluded_attributes_are_left_out(self, ask: Callable[..., Any]) -> None:
        everything = set(ask(excludedAttributes="shoeSize"))

        assert {"userName", "groups", "meta", ENT} <= everything
        assert set(ask(excludedAttributes="userName,Groups")) == everything - {"userName", "groups"}
        assert set(ask(excludedAttributes="id,schemas")) == everything
        assert "familyName" not in ask(excludedAttributes="name.familyName")["name"]
        assert ENT not in ask(excludedAttributes=ENT)


class TestSeveralResourceTypes:
    @pytest.fixture
    def with_groups(self, scim: Provider) -> Provider:
        with tenancy.use(scim.connection.tenant_id):
            ada, bob = (scim_user(scim.connection, name) for name in ("ada", "bob"))
            scim_group(scim.connection, "Editors", ada, bob)
            scim_group(scim.connection, "Empty")
        return scim

    @pytest.mark.parametrize(
        ("wanted", "names", "total"),
        [
            ({}, "ada bob Editors Empty", 4),
            ({"count": 3}, "ada bob Editors", 4),
            ({"startIndex": 2, "count": 2}, "bob Editors", 4),
            ({"startIndex": 3}, "Editors Empty", 4),
            ({"startIndex": 5}, "", 4),
            ({"count": 0}, "", 4),
            ({"filter": 'meta.resourceType eq "Group"'}, "Editors Empty", 2),
            ({"filter": 'id eq "nobody"'}, "", 0),
        ],
        ids=str,
    )
    def test_users_come_before_groups(
        self, with_groups: Provider, wanted: dict[str, Any], names: str, total: int
    ) -> None:
        answers = [
            with_groups("POST", "/.search", wanted),
            with_groups("GET", address("", **wanted)),
        ]

        for answer in answers:
            assert (answer.names, answer.body["totalResults"]) == (names.split(), total)

    def test_groups_endpoint_lists_groups_only(self, with_groups: Provider) -> None:
        assert with_groups("GET", "/Groups").names == ["Editors", "Empty"]
        sent = {"filter": 'displayName eq "EDITORS"', "excludedAttributes": ["members"]}
        answer = with_groups("POST", "/Groups/.search", sent)
        assert answer.names == ["Editors"]
        assert "members" not in answer.body["Resources"][0]

    def test_members_can_be_excluded(self, with_groups: Provider) -> None:
        [group, _] = with_groups("GET", "/Groups?excludedAttributes=members").body["Resources"]

        assert "members" not in group
        assert len(with_groups("GET", "/Groups").body["Resources"][0]["members"]) == 2
