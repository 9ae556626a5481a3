"""Choosing people and places by text, in forms without JavaScript."""

from typing import Any

import pytest
from django.test import Client

from people.models import Card, OutstandingItem, Person, Workflow
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

CARD = {"name": "Travel", "kind": "virtual", "limit": "500"}
BOB = {
    "given_name": "Bob",
    "family_name": "Kahn",
    "email": "bob@example.com",
    "role": "BUSINESS_USER",
}


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(core.administrator())


def send(client: Client, address: str, **values: Any) -> str:
    return text_of(client.post(address, values, follow=True))


FORMS = pytest.mark.parametrize(
    ("address", "names"),
    [
        ("/spend/cards/add/", ["holder"]),
        ("/spend/funds/add/", ["owner"]),
        ("/spend/outstanding-items/add/", ["person"]),
        ("/spend/workflows/add/", ["new_1", "new_2", "new_3"]),
        ("/people/locations/add/", ["entity"]),
        ("/people/add/", ["department", "location", "manager"]),
    ],
)


@FORMS
def test_form_has_a_text_field_without_javascript(
    client: Client, address: str, names: list[str]
) -> None:
    page = client.get(address).content.decode()

    for name in names:
        assert f'<noscript><input type="text" name="{name}-written"' in page


@FORMS
def test_text_with_nul_is_refused_on_the_form(
    client: Client, address: str, names: list[str]
) -> None:
    for name in names:
        answer = client.post(address, {f"{name}-written": "a\0b"})

        assert (answer.status_code, f'name="{name}-written"' in answer.content.decode()) == (
            200,
            True,
        )


def test_accepts_an_address_in_any_case(client: Client, ada: Person) -> None:
    send(client, "/spend/cards/add/", **CARD | {"holder-written": " ADA@example.com "})

    assert Card.objects.get().holder == ada


def test_accepts_names_of_departments_and_locations(client: Client, ada: Person) -> None:
    department, location = core.department("Sales"), core.location("Rome")
    values = {"department-written": "SALES", "location-written": "rome"}

    send(client, "/people/add/", **BOB | values | {"manager-written": ada.email})

    bob = Person.objects.get(email="bob@example.com")
    assert (bob.department, bob.location, bob.manager) == (department, location, ada)


def test_accepts_approvers_of_a_workflow(client: Client, ada: Person) -> None:
    send(client, "/spend/workflows/add/", name="Travel", **{"new_2-written": ada.email})

    assert Workflow.objects.get().steps.get().approver == ada


def test_text_has_priority_over_the_selection(client: Client, ada: Person) -> None:
    send(
        client,
        "/spend/cards/add/",
        **CARD,
        holder=core.person().pk,
        **{"holder-written": ada.email},
    )

    assert Card.objects.get().holder == ada


@pytest.mark.parametrize("text", ["nobody@example.com", "gone@example.com", "far@example.com", "%"])
def test_unknown_person_is_reported_and_the_text_kept(client: Client, text: str) -> None:
    core.person(email="gone@example.com", state=Person.State.TERMINATED)
    with core.in_another_tenant():
        core.person(email="far@example.com")

    page = client.post("/spend/cards/add/", CARD | {"holder-written": text}).content.decode()

    assert f"There is nobody “{text}” in Ramp." in page
    assert f'name="holder-written" value="{text}"' in page
    assert not Card.objects.exists()


def test_text_is_escaped(client: Client) -> None:
    values = {"kind": "bill", "state": "open", "person-written": '"><script>'}

    page = client.post("/spend/outstanding-items/add/", values).content.decode()

    assert '"><script>' not in page
    assert not OutstandingItem.objects.exists()


@pytest.mark.parametrize("text", ["x", "'; --", "a\0b", "0", str(2**70)])
def test_invalid_key_is_refused_without_technical_terms(client: Client, text: str) -> None:
    page = send(client, "/people/add/", **BOB, department=text, manager=text)

    assert "valid UUID" not in page
    assert "error" in page
    assert not Person.objects.filter(email="bob@example.com").exists()
