"""The pages of departments, locations and entities."""

import re
from typing import Any

import pytest

from people.models import Department, Entity, Event, Location, Person, Tenant
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


def send(address: str, **data: Any) -> str:
    client = signed_in(core.administrator())
    return text_of(client.post(f"/people/{address}/", data, follow=True))


def test_department_names_are_unique_in_any_case(tenant: Tenant) -> None:
    send("departments/add", name="Sales")

    assert Department.objects.get().name_key == "sales"
    assert "“SALES” already exists." in send("departments/add", name="SALES")
    assert Department.objects.count() == 1


def test_department_can_be_renamed_with_an_event(ada: Person) -> None:
    department = core.department("Sales")

    send(f"departments/{department.pk}/change", name="Revenue")

    department.refresh_from_db()
    assert (department.name, department.name_key) == ("Revenue", "revenue")
    event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
    assert event.changes == {"name": {"from": "Sales", "to": "Revenue"}}
    assert event.actor.startswith("person:")


def test_case_of_a_department_name_can_be_changed(tenant: Tenant) -> None:
    department = core.department("sales")

    send(f"departments/{department.pk}/change", name="Sales")

    department.refresh_from_db()
    assert department.name == "Sales"


def test_department_can_have_a_name_that_another_company_uses(tenant: Tenant) -> None:
    with core.in_another_tenant():
        core.department("Sales")

    send("departments/add", name="Sales")

    assert Department.objects.count() == 1


def test_department_without_people_can_be_deleted(tenant: Tenant) -> None:
    department = core.department()

    send(f"departments/{department.pk}/delete", post="yes")

    assert not Department.objects.exists()


def test_department_with_people_cannot_be_deleted(tenant: Tenant) -> None:
    department = core.department()
    core.person(department=department, state=Person.State.TERMINATED)

    page = send(f"departments/{department.pk}/delete", post="yes")

    assert "Sales cannot be deleted: 1 person belongs to it, including people who left." in page
    assert re.search(r"<title>\s*Error: Sales – ", page)
    assert Department.objects.exists()


def test_counts_exclude_terminated_people(tenant: Tenant) -> None:
    department = core.department()
    core.person(department=department)
    core.person(department=department, state=Person.State.TERMINATED)

    page = text_of(signed_in(core.administrator()).get("/people/departments/"))

    assert 'aria-label="1 people of Sales"' in page
    assert f"/people/?department__id__exact={department.pk}" in page


def test_empty_list_explains_how_departments_are_created(tenant: Tenant) -> None:
    page = text_of(signed_in(core.administrator()).get("/people/departments/"))

    assert "No departments yet" in page
    assert "when an identity provider sends them" in page


def test_location_with_people_cannot_move_to_another_currency(tenant: Tenant) -> None:
    location, dollars = core.location("Rome"), core.entity("Acme Inc", "USD")
    core.person(location=location)

    page = send(f"locations/{location.pk}/change", name="Rome", entity=dollars.pk)

    assert "Location cannot be assigned to an entity using a different issuing currency" in page
    location.refresh_from_db()
    assert location.entity != dollars


def test_location_without_people_can_move_to_another_currency(tenant: Tenant) -> None:
    location, dollars = core.location("Rome"), core.entity("Acme Inc", "USD")

    send(f"locations/{location.pk}/change", name="Rome", entity=dollars.pk)

    location.refresh_from_db()
    assert location.entity == dollars


def test_location_cannot_belong_to_an_entity_of_another_company(tenant: Tenant) -> None:
    with core.in_another_tenant() as another:
        theirs = another.default_entity
    assert theirs

    send("locations/add", name="Rome", entity=theirs.pk)

    assert not Location.objects.exists()


def test_currency_of_an_entity_with_people_cannot_be_changed(tenant: Tenant) -> None:
    entity = Entity.objects.get()
    core.person(location=core.location())

    page = send(f"entities/{entity.pk}/change", name="Headquarters", currency="USD")

    assert "their cards are issued in its currency" in page
    entity.refresh_from_db()
    assert entity.currency == "EUR"


def test_currency_must_be_an_iso_4217_code(tenant: Tenant) -> None:
    assert "Use the ISO 4217 code" in send("entities/add", name="Acme", currency="eu")


def test_default_entity_cannot_be_deleted(tenant: Tenant) -> None:
    page = send(f"entities/{Entity.objects.get().pk}/delete", post="yes")

    assert "cannot be deleted: it is the default entity for new locations" in page


def test_entity_with_locations_cannot_be_deleted(tenant: Tenant) -> None:
    entity = core.entity("Acme Inc")
    core.location(entity=entity)

    assert "it still has locations" in send(f"entities/{entity.pk}/delete", post="yes")
