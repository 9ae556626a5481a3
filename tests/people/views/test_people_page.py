"""The People page: rows, filters, search and queries."""

from collections.abc import Callable
from typing import Any

import pytest

from people.models import Person, Tenant
from people.presentation import page_links
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


def shown(tenant: Tenant, **filters: Any) -> str:
    return text_of(signed_in(core.administrator()).get("/people/", filters))


def test_shows_people_with_their_fields(tenant: Tenant) -> None:
    grace = core.person(given_name="Grace", family_name="Hopper")
    core.person(
        given_name="Ada",
        family_name="Lovelace",
        email="ada@example.com",
        department=core.department("Legal"),
        location=core.location("Rome"),
        manager=grace,
    )

    page = shown(tenant)

    for word in ("Ada Lovelace", "ada@example.com", "Legal", "Rome", "Grace Hopper", "Cardholder"):
        assert word in page


def test_marks_inactive_and_invited_people(tenant: Tenant) -> None:
    core.person(state=Person.State.INACTIVE)
    assert "(Inactive)" in shown(tenant)
    assert 'aria-label="Invited"' not in shown(tenant)

    core.person(state=Person.State.INVITED)
    assert 'aria-label="Invited"' in shown(tenant)


def test_marks_managers(tenant: Tenant) -> None:
    boss = core.person()
    without = shown(tenant).count("> Manager <")

    core.person(manager=boss)

    assert shown(tenant).count("> Manager <") == without + 1


def test_hides_terminated_people_unless_filtered(tenant: Tenant) -> None:
    core.person(family_name="Gone", state=Person.State.TERMINATED)

    assert "Gone" not in shown(tenant)
    assert "Gone" in shown(tenant, state="terminated")
    assert "Gone" in shown(tenant, state="everybody")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda person: {"state": person.state}, id="state"),
        pytest.param(lambda person: {"role__exact": person.role}, id="role"),
        pytest.param(
            lambda person: {"department__id__exact": person.department_id}, id="department"
        ),
        pytest.param(lambda person: {"location__id__exact": person.location_id}, id="location"),
        pytest.param(lambda person: {"manager__id__exact": person.manager_id}, id="manager"),
    ],
)
def test_filter_by_field(tenant: Tenant, value: Callable[[Person], dict[str, object]]) -> None:
    wanted = core.person(
        family_name="Wanted",
        state=Person.State.INVITED,
        role=Person.Role.BOOKKEEPER,
        department=core.department(),
        location=core.location(),
        manager=core.person(),
    )
    core.person(family_name="Unwanted")

    page = shown(tenant, **value(wanted))

    assert "Ada Wanted" in page
    assert "Ada Unwanted" not in page


def test_search_matches_every_word_in_name_or_address(tenant: Tenant) -> None:
    core.person(given_name="Grace", family_name="Hopper", email="amazing@navy.example")
    core.person(given_name="Grace", family_name="Kelly")

    assert "Grace Hopper" in shown(tenant, q="hop grace")
    assert "Grace Hopper" in shown(tenant, q="NAVY")
    assert "Grace Kelly" not in shown(tenant, q="hop grace")


def test_search_without_results_links_to_all_people(tenant: Tenant) -> None:
    page = shown(tenant, q="xyzzy")

    assert "No results for “xyzzy”" in page
    assert "Show all people" in page


def test_filters_without_results_are_explained(tenant: Tenant) -> None:
    assert "No results with these filters" in shown(tenant, state="terminated")


def test_names_are_escaped(tenant: Tenant) -> None:
    core.person(family_name="<script>alert(1)</script>")

    assert "<script>alert(1)" not in shown(tenant)


@pytest.mark.parametrize(
    "address", ["/people/", "/people/departments/", "/people/locations/", "/people/entities/"]
)
def test_takes_the_same_queries_for_10_and_70_rows(tenant: Tenant, address: str) -> None:
    client = signed_in(core.administrator())
    boss = core.person()

    def arrive(numbers: range) -> None:
        for number in numbers:
            core.person(
                manager=boss,
                department=core.department(f"Department {number}"),
                location=core.location(f"Location {number}"),
            )
            core.entity(f"Entity {number}")

    arrive(range(10))
    few = len(queries_of(client, address))
    arrive(range(10, 70))

    assert len(queries_of(client, address)) == few
    # The badge of Team updates takes some of these queries.
    assert few <= 15


def test_takes_the_same_queries_with_filters(tenant: Tenant) -> None:
    client = signed_in(core.administrator())
    department = core.department()
    address = f"/people/?department__id__exact={department.pk}&state=active"
    few = len(queries_of(client, address))
    for _ in range(60):
        core.person(department=department)

    assert len(queries_of(client, address)) == few


def test_counts_no_more_people_than_its_pages_can_show(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 55)
    client = signed_in(core.administrator())
    for _ in range(60):
        core.person()

    page = text_of(client.get("/people/"))
    counts = [sql for sql in queries_of(client, "/people/") if "COUNT(" in sql]

    assert "Showing the first 55. Search or filter to find the others." in page
    assert "People 55+" in page
    assert all("LIMIT 56" in sql for sql in counts if "people_person" in sql)


def test_invalid_page_numbers_cause_no_error(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    for page in ("0", "99", "x", "-1"):
        assert client.get("/people/", {"p": page}, follow=True).status_code == 200
