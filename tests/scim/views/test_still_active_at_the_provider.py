"""Warnings that a deactivated person is still active at the identity provider."""

import pytest
from django.test import Client

from people.models import Person
from people.operations import people
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def ada(scim: Provider) -> Person:
    scim.add("ada")
    person: Person = Person.objects.get(email="ada@example.com")
    return person


@pytest.mark.parametrize("page", ["deactivate", "terminate"])
def test_deactivation_and_termination_pages_warn(client: Client, ada: Person, page: str) -> None:
    shown = text_of(client.get(f"/people/{ada.pk}/{page}/"))

    assert "is active in Okta, and Ramp cannot change that." in shown
    assert "Deactivate them in Okta as well" in shown


def test_person_page_warns_after_manual_deactivation(
    client: Client, ada: Person, owner: Person
) -> None:
    address = f"/people/{ada.pk}/"
    assert "still active in Okta" not in text_of(client.get(address))

    people.deactivate_person(ada, actor=owner.actor)

    assert "is still active in Okta. Deactivate them there as well" in text_of(client.get(address))


def test_no_warning_if_the_provider_deactivated_the_person_too(
    client: Client, scim: Provider, ada: Person, owner: Person
) -> None:
    people.deactivate_person(ada, actor=owner.actor)
    user = ada.scim_users.get()

    assert scim.replace(str(user.scim_id), "active", value=False).status == 200

    assert "still active" not in text_of(client.get(f"/people/{ada.pk}/"))
    assert "is active in Okta" not in text_of(client.get(f"/people/{ada.pk}/terminate/"))


def test_no_warning_for_unmanaged_person(client: Client, owner: Person) -> None:
    shown = text_of(client.get(f"/people/{owner.pk}/deactivate/"))

    assert "and Ramp cannot change that" not in shown
