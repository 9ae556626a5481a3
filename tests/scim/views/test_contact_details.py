"""Job title and phone number from an identity provider."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person, Tenant
from scim.models import Connection
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return signed_in(core.administrator())


@pytest.fixture
def okta(tenant: Tenant) -> Provider:
    return Provider(scim_connection("okta"))


def phones(*numbers: tuple[str, str, bool]) -> list[dict[str, Any]]:
    return [{"value": value, "type": kind, "primary": main} for value, kind, main in numbers]


def page_of(client: Client, name: str) -> str:
    person = Person.objects.get(email__startswith=name)
    return text_of(client.get(f"/people/{person.pk}/"))


def show_columns(client: Client) -> None:
    form = {"show_title": "on", "place_title": 1, "show_phone": "on", "place_phone": 2}
    client.post("/people/columns/", form | {"order": "name"})


def test_person_page_shows_job_title_and_phone(client: Client, okta: Provider) -> None:
    okta.add("ada", title="Countess", phoneNumbers=phones(("+44 20 1", "work", False)))

    page = page_of(client, "ada")

    for word in ("Sent by Okta", "Job title", "Countess", "Phone", "+44 20 1"):
        assert word in page


def test_person_page_has_no_section_without_contact_details(client: Client, okta: Provider) -> None:
    okta.add("ada")

    assert "Sent by Okta" not in page_of(client, "ada")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (phones(("1", "home", False), ("2", "work", False)), "2"),
        (phones(("1", "work", False), ("2", "mobile", True)), "2"),
        (phones(("1", "home", False), ("2", "mobile", False)), "2"),
        (phones(("1", "fax", True), ("2", "other", False)), "2"),
        (phones(("1", "fax", False)), ""),
    ],
)
def test_preferred_one_of_several_phone_numbers_is_shown(
    client: Client, okta: Provider, sent: list[dict[str, Any]], shown: str
) -> None:
    okta.add("ada", phoneNumbers=sent)
    show_columns(client)

    rows = client.get("/people/?q=ada").context["cl"].result_list

    assert [person.contact.phone for person in rows] == [shown]


def test_people_list_and_export_have_contact_columns(client: Client, okta: Provider) -> None:
    okta.add("ada", title="Countess", phoneNumbers=phones(("+44 20 1", "work", True)))
    show_columns(client)

    page = text_of(client.get("/people/?q=ada"))
    answer: Any = client.get("/people/export/?q=ada&columns=shown")
    with core.in_another_tenant():
        body = b"".join(answer.streaming_content)

    assert "Countess" in page
    [row] = csv.DictReader(StringIO(body.decode("utf-8-sig")))
    assert row["Job title"] == "Countess"
    # The apostrophe keeps spreadsheets from reading the number as a formula.
    assert row["Phone"] == "'+44 20 1"


def test_contact_details_are_hidden_after_disconnecting(client: Client, okta: Provider) -> None:
    okta.add("ada", title="Countess")
    Connection.objects.update(disconnected_at=timezone.now())

    assert "Countess" not in page_of(client, "ada")


def test_query_count_does_not_grow_with_people(client: Client, okta: Provider) -> None:
    okta.add("ada", title="Countess")
    show_columns(client)
    few = len(queries_of(client, "/people/"))
    for number in range(20):
        okta.add(f"user{number}", title="Clerk")

    assert len(queries_of(client, "/people/")) == few
