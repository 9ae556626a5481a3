"""The organization chart."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person, Tenant
from people.views import org_chart
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return signed_in(core.administrator())


def person(name: str, **fields: Any) -> Person:
    return core.person(given_name=name, family_name="Byrne", **fields)


@pytest.fixture
def chain(tenant: Tenant) -> list[Person]:
    """Ada manages Bob, who manages Cy, who manages Di."""
    people: list[Person] = []
    for name in ("Ada", "Bob", "Cy", "Di"):
        people.append(person(name, manager=people[-1] if people else None))
    return people


def test_shows_people_at_the_top_with_numbers_of_reports(
    client: Client, chain: list[Person]
) -> None:
    page = text_of(client.get("/people/org-chart/"))

    assert "Ada Byrne" in page
    assert "1 report<" in page
    assert "Bob Byrne" not in page
    assert f'data-load="/people/org-chart/{chain[0].pk}/reports/"' in page
    assert "1 person has no manager and no reports" in page


def test_loads_one_level_at_a_time(client: Client, chain: list[Person]) -> None:
    part = text_of(client.get(f"/people/org-chart/{chain[0].pk}/reports/"))

    assert "Bob Byrne" in part
    assert "Cy Byrne" not in part
    assert "<html" not in part


def test_shows_a_person_with_all_managers_above_and_reports(
    client: Client, chain: list[Person]
) -> None:
    person("Eve", manager=chain[1])

    page = text_of(client.get(f"/people/org-chart/{chain[2].pk}/"))

    for name in ("Ada Byrne", "Bob Byrne", "Cy Byrne", "Di Byrne"):
        assert f"<bdi>{name}</bdi></a>" in page
    assert "1 more report of <bdi>Bob Byrne</bdi>" in page
    assert "Eve Byrne" not in page


def test_search_with_one_result_redirects_to_the_person(
    client: Client, chain: list[Person]
) -> None:
    page = client.get("/people/org-chart/?q=cy byr", follow=True)

    assert page.request["PATH_INFO"] == f"/people/org-chart/{chain[2].pk}/"


def test_search_lists_matching_people(client: Client, chain: list[Person]) -> None:
    page = text_of(client.get("/people/org-chart/?q=byrne"))

    for one in chain:
        assert f'href="/people/org-chart/{one.pk}/"' in page
    assert "Nobody matches “xyzzy”" in text_of(client.get("/people/org-chart/?q=xyzzy"))


def test_marks_inactive_managers(client: Client, chain: list[Person]) -> None:
    Person.objects.filter(pk=chain[0].pk).update(state="inactive", deactivated_at=timezone.now())

    assert "Inactive" in text_of(client.get("/people/org-chart/"))


def test_shows_reports_of_terminated_managers_at_the_top(
    client: Client, chain: list[Person]
) -> None:
    Person.objects.filter(pk=chain[0].pk).update(state="terminated", terminated_at=timezone.now())

    page = text_of(client.get("/people/org-chart/"))

    assert "Bob Byrne" in page
    assert "Ada Byrne" not in page


def test_warns_of_circular_reporting_lines(client: Client, chain: list[Person]) -> None:
    # No page and no provider can do this: every operation checks the reporting lines.
    Person.objects.filter(pk=chain[0].pk).update(manager=chain[3])

    page = text_of(client.get(f"/people/org-chart/{chain[1].pk}/"))

    assert "These people report to each other in a circle." in page


def test_links_to_the_list_if_a_manager_has_many_reports(
    client: Client, chain: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(org_chart, "SHOWN", 5)
    for _ in range(7):
        person("Report", manager=chain[3])

    part = text_of(client.get(f"/people/org-chart/{chain[3].pk}/reports/"))

    assert "2 more reports of <bdi>Di Byrne</bdi> in the list" in part
    assert f'href="/people/?manager__id__exact={chain[3].pk}"' in part


def test_explains_an_empty_chart(client: Client) -> None:
    assert "No reporting lines yet" in text_of(client.get("/people/org-chart/"))


def test_takes_the_same_queries_for_more_people(client: Client, chain: list[Person]) -> None:
    addresses = [
        "/people/org-chart/",
        f"/people/org-chart/{chain[2].pk}/",
        f"/people/org-chart/{chain[2].pk}/reports/",
    ]
    few = [len(queries_of(client, address)) for address in addresses]
    for number in range(30):
        boss = person(f"Boss {number}", manager=chain[2])
        person(f"Report {number}", manager=boss)
        person(f"Other {number}", manager=person(f"Top {number}"))

    assert [len(queries_of(client, address)) for address in addresses] == few


def test_people_are_not_found_in_other_companies(client: Client, chain: list[Person]) -> None:
    with core.in_another_tenant():
        stranger = signed_in(core.owner())

    assert "Ada Byrne" not in text_of(stranger.get("/people/org-chart/"))
    for path in ("", "reports/"):
        assert stranger.get(f"/people/org-chart/{chain[0].pk}/{path}").status_code == 404
