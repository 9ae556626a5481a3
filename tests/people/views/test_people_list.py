"""Filters, columns, export, saved views and counts of the People list."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from people.models import Person, SavedView, Tenant
from people.presentation import page_links
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(tenant: Tenant) -> Person:
    return core.administrator()


@pytest.fixture
def client(viewer: Person) -> Client:
    return signed_in(viewer)


def listed(client: Client, **filters: Any) -> list[str]:
    """Return the first names of the people in the list, in their order."""
    changelist: Any = client.get("/people/", filters, follow=True).context["cl"]
    return [person.given_name for person in changelist.result_list]


def columns(client: Client, address: str = "/people/") -> list[str]:
    return list(client.get(address).context["cl"].list_display[1:])


def choose(client: Client, *names: str, order: str = "name", query: str = "", **more: str) -> Any:
    form = {"order": order} | more
    for place, name in enumerate(names, start=1):
        form |= {f"show_{name}": "on", f"place_{name}": str(place)}
    return client.post(f"/people/columns/{query}", form, follow=True)


def exported(client: Client, query: str) -> list[dict[str, str]]:
    response: Any = client.get(f"/people/export/{query}")
    body = b"".join(response.streaming_content)
    return list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))


class TestFilters:
    @pytest.mark.parametrize(
        ("parameter", "field"),
        [
            ("department__id__exact", "department"),
            ("location__id__exact", "location"),
            ("manager__id__exact", "manager"),
        ],
    )
    def test_accept_several_values(self, client: Client, parameter: str, field: str) -> None:
        make: Any = {
            "department": core.department,
            "location": core.location,
            "manager": lambda name: core.person(given_name=name, family_name="Boss"),
        }[field]
        for name, value in (("Ada", "A"), ("Bob", "B"), ("Cy", "C")):
            core.person(given_name=name, **{field: make(value)})
        wanted = Person.objects.filter(given_name__in=["Ada", "Bob"])
        values = [getattr(one, f"{field}_id") for one in wanted]

        assert sorted(listed(client, **{parameter: values})) == ["Ada", "Bob"]

    def test_accept_several_states_and_roles(self, client: Client) -> None:
        core.person(given_name="Ada", state="invited", role="BUSINESS_BOOKKEEPER")
        core.person(given_name="Bob", state="inactive")
        core.person(given_name="Cy", state="terminated")

        assert sorted(listed(client, state=["invited", "inactive"])) == ["Ada", "Bob"]
        roles = ["BUSINESS_BOOKKEEPER", "BUSINESS_ADMIN"]
        assert sorted(listed(client, role__exact=roles)) == ["Ada", "Alan"]

    @pytest.mark.parametrize("field", ["manager", "department", "location"])
    def test_find_people_without_a_value(self, client: Client, field: str) -> None:
        make: Any = {
            "department": core.department,
            "location": core.location,
            "manager": core.person,
        }[field]
        core.person(given_name="Bob", **{field: make()})

        assert "Bob" not in listed(client, without=field)
        assert "Alan" in listed(client, without=field)

    def test_are_named_and_can_be_removed_one_by_one(self, client: Client) -> None:
        sales, legal = core.department("Sales"), core.department("Legal")
        query = (
            f"?department__id__exact={sales.pk}&department__id__exact={legal.pk}"
            "&state=active&role__exact=BUSINESS_USER&without=manager&guest=ending&q=ada"
        )

        chips = client.get(f"/people/{query}").context["chips"]

        assert [f"{chip.label}: {chip.value}" for chip in chips] == [
            "Search: ada",
            "State: Active",
            "Department: Sales",
            "Department: Legal",
            "Role: Cardholder",
            "Missing values: Without a manager",
            "Guests: Guests with a last day",
        ]
        [removal] = [chip.removal for chip in chips if chip.value == "Sales"]
        left = client.get(f"/people/{removal}").context["chips"]
        assert [chip.value for chip in left] == [
            chip.value for chip in chips if chip.value != "Sales"
        ]

    @pytest.mark.parametrize(
        "query",
        ["?state=x", "?department__id__exact=999", "?without=password", "?view=x", "?view=999"],
    )
    def test_with_invalid_values_are_ignored(self, client: Client, query: str) -> None:
        page = client.get(f"/people/{query}", follow=True)

        assert page.status_code == 200
        assert not page.context["chips"]


class TestColumns:
    def test_are_stored_per_administrator_in_their_order(self, client: Client) -> None:
        page = choose(client, "entity", "joined_at", "role")

        assert "The columns were saved." in text_of(page)
        assert columns(client) == ["name", "entity", "joined", "role_name"]
        assert columns(signed_in(core.administrator()))[-1] == "state_name"

    def test_are_shown_with_their_values(self, client: Client, viewer: Person) -> None:
        location = core.location("Oslo", entity=core.entity("Lumen Norway"))
        Person.objects.filter(pk=viewer.pk).update(location=location)

        page = text_of(choose(client, "entity", "joined_at", "created_at", "deactivates_at"))

        assert "Lumen Norway" in page
        assert f"{viewer.joined_at:%-d %B %Y}" in page

    def test_can_be_reset(self, client: Client) -> None:
        choose(client, "entity")

        client.post("/people/columns/", {"reset": "yes"})

        assert columns(client) == [
            *("name", "role_name", "department", "location", "boss", "state_name")
        ]

    def test_keep_the_order_of_the_list(self, client: Client) -> None:
        for name, department in (("Ada", "Sales"), ("Bob", "Legal"), ("Cy", "Tax")):
            core.person(given_name=name, department=core.department(department))

        choose(client, "department", order="department", is_descending="on")

        names = listed(client, role__exact="BUSINESS_USER")
        assert names == ["Cy", "Ada", "Bob"]

    def test_keep_the_filters_of_the_list(self, client: Client) -> None:
        page = choose(client, "role", query="?state=inactive")

        assert page.request["QUERY_STRING"] == "state=inactive"

    def test_positions_must_be_integers(self, client: Client) -> None:
        page = client.post("/people/columns/", {"order": "name", "place_role": "x"})

        assert "Enter a whole number." in text_of(page)

    @pytest.mark.parametrize(
        "names", [(), ("entity",), ("role", "department", "location", "entity", "manager")]
    )
    def test_take_the_same_queries_for_few_and_many_people(
        self, client: Client, names: tuple[str, ...]
    ) -> None:
        choose(client, *names)
        boss = core.person(location=core.location("Oslo"))
        few = len(queries_of(client, "/people/"))
        for number in range(40):
            core.person(manager=boss, location=core.location(f"Location {number}"))

        assert len(queries_of(client, "/people/")) == few


class TestExport:
    def test_has_the_columns_and_people_of_the_list(self, client: Client) -> None:
        boss = core.person(given_name="Grace", family_name="Hopper", email="grace@example.com")
        core.person(given_name="Ada", email="ada@example.com", manager=boss)
        choose(client, "manager", "entity")

        page = client.get("/people/?q=ada@")
        rows = exported(client, f"?{page.context['export_query']}")

        assert rows == [
            {
                "First name": "Ada",
                "Last name": "Lovelace",
                "Email address": "ada@example.com",
                "Manager": "Grace Hopper",
                "Manager's email address": "grace@example.com",
                "Entity": "",
            }
        ]

    def test_respects_filters_with_several_values(self, client: Client) -> None:
        core.person(given_name="Ada", state="invited")
        core.person(given_name="Bob", state="inactive")

        rows = exported(client, "?state=invited&state=inactive&columns=shown")

        assert sorted(row["First name"] for row in rows) == ["Ada", "Bob"]

    def test_writes_times_in_iso_format(self, client: Client, viewer: Person) -> None:
        choose(client, "joined_at", "deactivated_at")

        [row] = exported(client, f"?q={viewer.email}&columns=shown")

        assert viewer.joined_at is not None
        assert row["Joined"] == viewer.joined_at.isoformat()
        assert row["Deactivated"] == ""


class TestSavedViews:
    def save(self, client: Client, name: str, query: str = "", **more: str) -> Any:
        return client.post(f"/people/views/add/{query}", {"name": name} | more, follow=True)

    def test_keep_filters_columns_and_order(self, client: Client) -> None:
        core.person(given_name="Ada", state="inactive")
        core.person(given_name="Bob", state="inactive", family_name="Aalto")
        choose(client, "entity", order="name", is_descending="on")

        page = self.save(client, "Leavers", "?state=inactive&p=2&o=1")
        choose(client, "role")

        assert "The view “Leavers” was saved." in text_of(page)
        address = f"/people/?state=inactive&view={SavedView.objects.get(name='Leavers').pk}"
        assert f"/people/?{page.request['QUERY_STRING']}" == address
        assert columns(client, address) == ["name", "entity"]
        assert columns(client) == ["name", "role_name"]
        page = client.get(address)
        assert [one.given_name for one in page.context["cl"].result_list] == ["Ada", "Bob"]
        assert 'aria-current="true">Leavers</a>' in page.content.decode()

    def test_are_visible_to_others_only_if_shared(self, client: Client) -> None:
        self.save(client, "Mine")
        self.save(client, "Ours", is_shared="on")
        colleague = signed_in(core.administrator())

        page = text_of(colleague.get("/people/"))

        assert ">Ours</a>" in page
        assert ">Mine</a>" not in page
        mine = SavedView.objects.get(name="Mine")
        assert colleague.get(f"/people/?view={mine.pk}").context["layout"].view is None

    def test_are_not_found_in_other_companies(self, client: Client) -> None:
        self.save(client, "Ours", is_shared="on")
        view = SavedView.objects.get(name="Ours")

        with core.in_another_tenant():
            stranger = signed_in(core.owner())
        assert ">Ours</a>" not in text_of(stranger.get("/people/"))
        assert stranger.get(f"/people/?view={view.pk}").context["layout"].view is None
        assert stranger.post(f"/people/views/{view.pk}/delete/").status_code == 404

    def test_saving_under_the_same_name_replaces_the_view(self, client: Client) -> None:
        self.save(client, "Leavers", "?state=inactive")
        self.save(client, "Leavers", "?state=terminated")

        assert SavedView.objects.get(name="Leavers").filters == "state=terminated"

    def test_have_own_columns_that_only_their_owner_changes(self, client: Client) -> None:
        self.save(client, "Ours", is_shared="on")
        view = SavedView.objects.get(name="Ours")
        query = f"?view={view.pk}"

        choose(client, "entity", query=query)
        choose(signed_in(core.administrator()), "role", query=query)

        assert columns(client, f"/people/{query}") == ["name", "entity"]
        assert columns(client)[-1] == "state_name"

    def test_can_be_deleted_only_by_their_owner(self, client: Client) -> None:
        self.save(client, "Ours", is_shared="on")
        address = f"/people/views/{SavedView.objects.get(name='Ours').pk}/delete/"

        assert signed_in(core.owner()).post(address).status_code == 404
        assert "the other administrators lose it too" in text_of(client.get(address))
        assert "was deleted" in text_of(client.post(address, follow=True))
        assert "No saved views yet" in text_of(client.get("/people/views/"))

    def test_require_a_name_and_limit_the_length_of_filters(self, client: Client) -> None:
        assert "This field is required." in text_of(self.save(client, ""))
        long = f"?q={'x' * 2000}"
        assert "too many filters" in text_of(self.save(client, "Long", long))


class TestCounts:
    def test_are_estimated_above_the_limit(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 10)
        monkeypatch.setattr(page_links, "estimate", lambda rows: 1_000_000)
        for _ in range(12):
            core.person()

        page = text_of(client.get("/people/"))

        assert "People about 1,000,000" in page
        assert "Showing the first 10 of about 1,000,000. Search or filter" in page

    def test_are_exact_below_the_limit(self, client: Client) -> None:
        assert ">People 1<" in text_of(client.get("/people/"))

    def test_estimates_come_from_postgresql_statistics(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 10)
        for _ in range(59):
            core.person()
        core.person(state="terminated")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE people_person")

        page = text_of(client.get("/people/"))

        is_estimated = connection.vendor == "postgresql"
        assert ("People about 60" if is_estimated else "People 10+") in page
