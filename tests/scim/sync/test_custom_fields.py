"""Custom fields on the attribute mapping page."""

import pytest
from django.test import Client

from people.models import CustomField, Event, Person
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import RAMP, Provider
from tests.factories import core
from tests.support.scim_mapping import (
    COST_CENTER,
    address_of,
    centred,
    custom_field,
    cycle,
    mapping,
    person,
    send,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def add(client: Client, scim: Provider, **values: str) -> str:
    return text_of(client.post(f"{address_of(scim)}fields/", values, follow=True))


def test_added_custom_field_receives_values_and_is_audited(client: Client, scim: Provider) -> None:
    add(client, scim, name="Cost centre", external_name="cost_center")
    scim.add("ada", **{RAMP: {"location": "Rome", "costCenter": "4711"}})

    assert person("ada").custom_values == {"cost_center": "4711"}
    event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
    assert event.facts["what"] == "custom field"


@pytest.mark.parametrize(
    ("external_name", "text"),
    [
        ("costCenter", "Use snake_case"),
        ("", "This field is required."),
        ("department", "“department” is a built-in field."),
        ("taken", "A custom field with this external name already exists."),
        ("x" * 101, "at most 100 characters"),
    ],
)
def test_invalid_external_name_is_refused(
    client: Client, scim: Provider, external_name: str, text: str
) -> None:
    custom_field("taken")

    page = add(client, scim, name="X", external_name=external_name)

    assert text in page
    assert CustomField.objects.count() == 1


def test_custom_field_is_deleted_with_its_mapping_after_confirmation(
    client: Client, scim: Provider
) -> None:
    field = custom_field("office")
    scim.add("ada", **centred())
    send(client, scim, "save", office=COST_CENTER)
    cycle()
    address = f"{address_of(scim)}fields/{field.pk}/delete/"

    assert "Existing values stay" in text_of(client.get(address))
    assert CustomField.objects.exists()
    client.post(address)

    assert not CustomField.objects.exists()
    assert mapping() == {}
    assert person("ada").custom_values == {"office": "CC-1"}


def test_custom_field_of_another_company_is_not_found(client: Client, scim: Provider) -> None:
    with core.in_another_tenant() as other:
        field = CustomField.objects.create(tenant=other, name="X", external_name="x")

    assert client.post(f"{address_of(scim)}fields/{field.pk}/delete/").status_code == 404


def test_custom_field_name_is_escaped(client: Client, scim: Provider) -> None:
    custom_field("x", name="<script>alert(1)</script>")

    assert "<script>alert(1)" not in text_of(client.get(address_of(scim)))
