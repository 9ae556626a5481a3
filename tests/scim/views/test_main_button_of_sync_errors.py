"""The main button of a sync error offers a retry only if the cause is gone."""

import re

import pytest
from django.test import Client

from people.models import Location, Person
from scim.connections import manage
from scim.models import SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, RAMP, Provider, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

ERRORS = "/people/updates/errors/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def main_button(client: Client) -> str:
    """Return the text of the only main button of the list."""
    [button] = re.findall(r'ramp-button-main"[^>]*>([^<]+)<', text_of(client.get(ERRORS)))
    return str(button)


def main_link(client: Client) -> str:
    [link] = re.findall(
        r'<a href="([^"]+)" class="ramp-button ramp-button-main"', text_of(client.get(ERRORS))
    )
    return str(link)


def retry(client: Client) -> str:
    error = SyncError.objects.open().get()
    return text_of(client.post(f"{ERRORS}{error.pk}/retry/", follow=True))


def test_retry_is_offered_when_missing_manager_exists(client: Client, connect: Connect) -> None:
    okta = connect("okta", unknown_manager="reject")
    okta("POST", "/Users", someone("ada", **managed_by("bob@example.com")))
    assert main_button(client) == "Show request"
    assert "Refused again" in retry(client)

    okta.add("bob")

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_offered_when_manager_is_no_longer_a_guest(client: Client, scim: Provider) -> None:
    guido = core.person(email="guido@example.com", role=Person.Role.GUEST)
    scim("POST", "/Users", someone("ada", **managed_by("guido@example.com")))
    assert (main_button(client), main_link(client)) == ("Open manager", f"/people/{guido.pk}/")

    Person.objects.filter(pk=guido.pk).update(role=Person.Role.CARDHOLDER)

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_offered_when_currency_of_the_location_matches(
    client: Client, scim: Provider
) -> None:
    new_york = core.location("New York", entity=core.entity("Inc.", currency="USD"))
    ada = scim.add("ada")
    scim("PUT", f"/Users/{ada}", someone("ada", **{RAMP: {"location": "New York"}}))
    assert main_button(client) == "Open location"
    assert "New York" in text_of(client.get(main_link(client)))

    london = Location.objects.get(name="London")
    Location.objects.filter(pk=new_york.pk).update(entity=london.entity)

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_offered_when_policy_fills_missing_fields(
    client: Client, scim: Provider, owner: Person
) -> None:
    scim("POST", "/Users", someone("ada", **{ENT: {}}))
    assert main_button(client) == "Show request"

    filled = {"incomplete_policy": "fill", "default_department": "Sales"}
    manage.revise(scim.connection, filled, actor=owner.actor)

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_offered_when_ramp_assigns_roles(client: Client, scim: Provider) -> None:
    scim("POST", "/Users", someone("ada", roles="EMPEROR"))
    assert main_button(client) == "Edit role mapping"
    assert client.get(main_link(client)).status_code == 200

    scim.connection.role_source = "ramp"
    scim.connection.save()

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_offered_when_another_owner_exists(
    client: Client, scim: Provider, owner: Person
) -> None:
    olga = scim.add("olga", roles="BUSINESS_ADMIN")
    Person.objects.filter(email="olga@example.com").update(role=Person.Role.OWNER, state="active")
    Person.objects.filter(pk=owner.pk).update(role=Person.Role.ADMIN)
    scim.replace(olga, "active", value=False)
    assert SyncError.objects.open().get().reason == "last-owner"
    assert main_button(client) == "Open role"

    core.owner(email="second@example.com")

    assert main_button(client) == "Retry"
    assert "Resolved" in retry(client)


def test_retry_is_not_offered_if_only_the_provider_can_correct_the_value(
    client: Client, scim: Provider
) -> None:
    scim("POST", "/Users", someone("ada", name={"givenName": "--", "familyName": "--"}))

    assert main_button(client) == "Show request"
    assert 'id="request"' in client.get(main_link(client)).content.decode()


def test_circular_manager_error_links_to_the_manager(client: Client, scim: Provider) -> None:
    ada = scim.add("ada")
    scim.add("bob", **managed_by("ada@example.com"))
    scim("PUT", f"/Users/{ada}", someone("ada", **managed_by("bob@example.com")))

    bob = Person.objects.get(email="bob@example.com")
    assert (main_button(client), main_link(client)) == ("Open manager", f"/people/{bob.pk}/")
