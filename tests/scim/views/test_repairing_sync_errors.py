"""Each sync error is listed with its details, and is resolved by a click or the next request."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from people.operations import people
from people.operations.invites import lifecycle
from scim.models import Connection, RequestLog, SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import RAMP, Json, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.scim.sync.test_sync_errors import RULES

pytestmark = pytest.mark.django_db

ERRORS = "/people/updates/errors/"
BY_REASON = {refusal.reason: refusal for refusal in RULES}


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def listed(client: Client, **query: Any) -> str:
    return text_of(client.get(ERRORS, query))


def open_error() -> SyncError:
    error: SyncError = SyncError.objects.open().get()
    return error


def click(client: Client, button: str) -> str:
    """Press this button in the list of errors, and return the resulting page."""
    page = listed(client)
    found = re.search(rf'<button type="submit" ([^>]*)>{button}</button>', page)
    assert found, f"no button “{button}”"
    facts = dict(re.findall(r'(\w+)="([^"]*)"', found[1]))
    sent = {facts["name"]: facts["value"]} if "name" in facts else {}
    return text_of(client.post(facts["formaction"], sent, follow=True))


def ada() -> Person:
    ada: Person = Person.objects.get(email="ada@example.com")
    return ada


@dataclass(frozen=True)
class Repair:
    """The main button of the error, and the action that resolves it."""

    offers: str
    repair: Callable[[Client, Provider, str], object]


def provider_corrects(client: Client, scim: Provider, scim_id: str) -> None:
    assert scim("PUT", f"/Users/{scim_id}", someone("ada", title="Countess")).status == 200


def bob_gets_another_manager(client: Client, scim: Provider, scim_id: str) -> None:
    bob = scim.find('userName eq "bob@example.com"').body["Resources"][0]["id"]
    scim("PUT", f"/Users/{bob}", someone("bob"))
    assert "Resolved" in click(client, "Retry")
    manager = ada().manager
    assert manager
    assert manager.given_name == "Bob"


def guido_gets_a_real_role(client: Client, scim: Provider, scim_id: str) -> None:
    Person.objects.filter(email="guido@example.com").update(role=Person.Role.CARDHOLDER)
    assert "Resolved" in click(client, "Retry")


def address_becomes_free(client: Client, scim: Provider, scim_id: str) -> None:
    Person.objects.filter(email="Taken@example.com").update(
        state=Person.State.TERMINATED, terminated_at=timezone.now()
    )
    assert "Resolved" in click(client, "Retry")
    assert Person.objects.filter(given_name="Ada", email="taken@example.com").exists()


def location_moves(client: Client, scim: Provider, scim_id: str) -> None:
    location = core.location("Rome")
    location.__class__.objects.filter(name="New York").update(entity=location.entity)
    assert "Resolved" in click(client, "Retry")


def ramp_assigns_roles(client: Client, scim: Provider, scim_id: str) -> None:
    scim.connection.role_source = "ramp"
    scim.connection.save()
    assert "Resolved" in click(client, "Retry")


REPAIRS = {
    "circular-manager": Repair("Open manager", bob_gets_another_manager),
    "invalid-manager": Repair("Open manager", guido_gets_a_real_role),
    "self-manager": Repair("Show request", provider_corrects),
    "duplicate-email": Repair("Compare", address_becomes_free),
    "invalid-name": Repair("Show request", provider_corrects),
    "invalid-location-change": Repair("Open location", location_moves),
    "invalid-role-assignment": Repair("Edit role mapping", ramp_assigns_roles),
}


@pytest.fixture(params=["refuse", "hold"])
def provider(connect: Connect, request: pytest.FixtureRequest) -> Provider:
    """Connect a provider whose bad requests are refused, and one whose values are stored."""
    return connect("okta" if request.param == "refuse" else "generic")


@pytest.mark.parametrize("reason", REPAIRS)
def test_each_error_is_listed_and_resolved(client: Client, provider: Provider, reason: str) -> None:
    refusal, repair = BY_REASON[reason], REPAIRS[reason]
    scim_id = provider.add("ada")
    refusal.given(provider)
    provider("PUT", f"/Users/{scim_id}", someone("ada", **refusal.said))

    page = listed(client)
    [row] = re.findall(r"<tbody>(.*)</tbody>", page)
    for word in (
        "Ada Lovelace",
        f'href="/people/{ada().pk}/"',
        refusal.message.replace("'", "&#x27;"),
        str(provider.connection),
        f"<bdi>{refusal.offending}</bdi>",
        f"{open_error().happened_at:%-d %B %Y, %H:%M}",
    ):
        assert word in row
    assert re.findall(r'ramp-button-main"[^>]*>([^<]+)<', row) == [repair.offers]

    repair.repair(client, provider, scim_id)

    assert not SyncError.objects.open().exists()
    assert SyncError.objects.get().resolved_at
    assert "Everything is resolved" in listed(client)


def create_user(scim: Provider, document: Json) -> None:
    scim("POST", "/Users", someone("ada", **document))


@pytest.mark.parametrize("reason", ["invalid-name", "invalid-role-assignment", "self-manager"])
def test_error_of_refused_user_is_resolved_when_the_user_is_created(
    client: Client, scim: Provider, reason: str
) -> None:
    create_user(scim, BY_REASON[reason].said)
    page = listed(client)
    assert '<bdi class="ramp-break">ada@example.com</bdi>' in page

    scim.add("ada")

    assert not SyncError.objects.open().exists()


class TestUnknownManager:
    def test_invite_can_be_sent_without_the_manager(
        self, client: Client, provider: Provider
    ) -> None:
        provider.add("ada", **managed_by("bob@example.com"))

        page = click(client, "Invite anyway")

        assert "The invite of Ada Lovelace is no longer on hold." in page
        invite = ada().invites.get()
        assert (invite.hold_reason, invite.mails.count()) == ("", 1)
        error = SyncError.objects.get()
        assert error.dismissed_at
        assert error.dismissed_reason == "Invited anyway"

    def test_released_invite_is_not_mailed_if_connection_mails_none(
        self, client: Client, connect: Connect
    ) -> None:
        connect("okta", mails_invites=False).add("ada", **managed_by("bob@example.com"))

        click(client, "Invite anyway")

        assert ada().invites.get().mails.count() == 0

    def test_invite_released_meanwhile_is_reported(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **managed_by("bob@example.com"))
        error = open_error()
        lifecycle.release_invite(ada(), actor=ada().actor)

        page = text_of(client.post(f"{ERRORS}{error.pk}/invite-anyway/", follow=True))

        assert "No invite of Ada Lovelace is on hold anymore." in page
        assert SyncError.objects.open().exists()

    def test_rejected_user_is_created_by_retry_after_the_manager(
        self, client: Client, connect: Connect
    ) -> None:
        okta = connect("okta", unknown_manager="reject")
        create_user(okta, managed_by("bob@example.com"))
        assert "Refused again" in click(client, "Retry")

        okta.add("bob")

        assert "Resolved" in click(client, "Retry")
        manager = ada().manager
        assert manager
        assert manager.given_name == "Bob"


class TestAddressOfUnmanagedPerson:
    @pytest.fixture
    def asking_provider(self, connect: Connect, provider: Provider) -> Provider:
        provider.connection.email_link = "ask"
        provider.connection.save()
        return provider

    def test_person_is_linked_by_one_click(self, client: Client, asking_provider: Provider) -> None:
        augusta = core.person(given_name="Augusta", email="ada@example.com")
        create_user(asking_provider, {})

        page = click(client, "Link them")

        assert "Resolved" in page
        assert augusta.scim_users.get().connection == asking_provider.connection
        augusta.refresh_from_db()
        assert augusta.given_name == "Ada"

    def test_privileged_person_is_linked_after_confirmation(
        self, client: Client, provider: Provider, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        create_user(provider, {})
        error = open_error()

        page = click(client, "Link them")
        assert "holds the role <strong>Admin</strong>" in page
        assert "<del><bdi>Alan</bdi></del> → <ins><bdi>Ada</bdi></ins>" in page
        assert not turing.scim_users.exists()

        agreed = {"holder": str(turing.pk), "roles": "Admin"}
        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", agreed, follow=True))

        assert "Resolved" in page
        assert turing.scim_users.get().connection == provider.connection

    def test_person_is_not_linked_if_role_changed_since_confirmation(
        self, client: Client, scim: Provider, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        create_user(scim, {})
        error = open_error()
        Person.objects.filter(pk=turing.pk).update(role=Person.Role.OWNER)

        agreed = {"holder": str(turing.pk), "roles": "Admin"}
        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", agreed, follow=True))

        assert "holds the role <strong>Owner</strong>" in page
        assert not turing.scim_users.exists()

    def test_another_person_with_the_address_is_not_linked(
        self, client: Client, asking_provider: Provider
    ) -> None:
        first = core.person(email="ada@example.com")
        create_user(asking_provider, {})
        error = open_error()
        Person.objects.filter(pk=first.pk).update(email="x@example.com", email_key="x@example.com")
        second = core.person(email="ada@example.com")

        seen = {"holder": str(first.pk), "roles": ""}
        client.post(f"{ERRORS}{error.pk}/link/", seen)

        assert not second.scim_users.exists()

    def test_person_managed_by_another_connection_is_not_linked(
        self, client: Client, connect: Connect, scim: Provider
    ) -> None:
        core.administrator(email="ada@example.com")
        create_user(scim, {})
        error = open_error()
        entra = connect("entra", email_link="adopt")
        Person.objects.filter(email="ada@example.com").update(role=Person.Role.CARDHOLDER)
        create_user(entra, {})

        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", follow=True))

        assert "can no longer be linked" in page
        assert "Compare" in listed(client)


class TestLastOwner:
    def test_retry_deactivates_owner_when_another_owner_exists(
        self, client: Client, scim: Provider, owner: Person
    ) -> None:
        Connection.objects.update(may_assign_owner=True)
        scim_id = scim.add("ada", roles="BUSINESS_OWNER")
        people.activate_person(ada(), actor=owner.actor)
        Person.objects.filter(pk=owner.pk).update(role=Person.Role.ADMIN)
        assert scim("DELETE", f"/Users/{scim_id}").status == 403
        assert f'href="/people/{ada().pk}/#roles"' in listed(client)

        Person.objects.filter(pk=owner.pk).update(role=Person.Role.OWNER)
        page = click(client, "Retry")

        assert "Resolved" in page
        assert ada().state == Person.State.INACTIVE
        assert not SyncError.objects.open().exists()


def test_new_policy_fills_missing_fields_on_retry(client: Client, scim: Provider) -> None:
    create_user(scim, {RAMP: None})
    assert "Missing required fields: location." in listed(client)
    scim.connection.incomplete_policy, scim.connection.default_location = "fill", "Remote"
    scim.connection.save()

    page = click(client, "Retry")

    assert "Resolved" in page
    assert ada().profile.location == "Remote"
    assert RequestLog.objects.exclude(retried_by="").get().status == 201


def test_retry_reports_a_repeated_refusal(client: Client, scim: Provider) -> None:
    scim.replace(scim.add("ada"), "roles", "EMPEROR")

    page = click(client, "Retry")

    assert "Refused again: User is not eligible to receive assigned role" in page
    assert open_error().reason == "invalid-role-assignment"


def test_retry_reports_that_the_held_error_remains(client: Client, connect: Connect) -> None:
    generic = connect("generic")
    generic.replace(generic.add("ada"), "roles", "EMPEROR")

    page = click(client, "Retry")

    assert "the error remains: User is not eligible to receive assigned role" in page


def test_duplicate_email_error_names_the_person_with_the_address(
    client: Client, scim: Provider
) -> None:
    scim.add("bob")
    create_user(scim, {"emails": [mail("bob@example.com")]})

    page = text_of(client.get(f"{ERRORS}{open_error().pk}/"))

    assert "Who has bob@example.com" in page
    assert "An identity provider manages them." in page
    assert "who is not here yet" in page
