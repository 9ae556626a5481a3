"""Each of the seven sync errors is listed with who, where, when and what, and one click or the
provider's next word resolves it.
"""

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
from tests.scim.sync.test_sync_errors import SEVEN

pytestmark = pytest.mark.django_db

ERRORS = "/people/updates/errors/"
BY_REASON = {refusal.reason: refusal for refusal in SEVEN}


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def listed(client: Client, **query: Any) -> str:
    return text_of(client.get(ERRORS, query))


def open_error() -> SyncError:
    error: SyncError = SyncError.objects.open().get()
    return error


def click(client: Client, button: str) -> str:
    """Press the button of that name in the list of errors, and return the page one comes to."""
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
    """What the row offers, and what makes the error go away."""

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


def the_address_becomes_free(client: Client, scim: Provider, scim_id: str) -> None:
    Person.objects.filter(email="Taken@example.com").update(
        state=Person.State.TERMINATED, terminated_at=timezone.now()
    )
    assert "Resolved" in click(client, "Retry")
    assert Person.objects.filter(given_name="Ada", email="taken@example.com").exists()


def the_location_moves(client: Client, scim: Provider, scim_id: str) -> None:
    location = core.location("Rome")
    location.__class__.objects.filter(name="New York").update(entity=location.entity)
    assert "Resolved" in click(client, "Retry")


def ramp_gives_the_roles(client: Client, scim: Provider, scim_id: str) -> None:
    scim.connection.role_source = "ramp"
    scim.connection.save()
    assert "Resolved" in click(client, "Retry")


REPAIRS = {
    "circular-manager": Repair("Open manager", bob_gets_another_manager),
    "invalid-manager": Repair("Open manager", guido_gets_a_real_role),
    "self-manager": Repair("Show request", provider_corrects),
    "duplicate-email": Repair("Compare", the_address_becomes_free),
    "invalid-name": Repair("Show request", provider_corrects),
    "invalid-location-change": Repair("Open location", the_location_moves),
    "invalid-role-assignment": Repair("Edit role mapping", ramp_gives_the_roles),
}


@pytest.fixture(params=["refuse", "hold"])
def provider(connect: Connect, request: pytest.FixtureRequest) -> Provider:
    """Connect once a provider whose bad requests are refused, and once one whose are kept."""
    return connect("okta" if request.param == "refuse" else "generic")


@pytest.mark.parametrize("reason", REPAIRS)
def test_each_is_listed_and_resolved(client: Client, provider: Provider, reason: str) -> None:
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


def new_person(scim: Provider, said: Json) -> None:
    scim("POST", "/Users", someone("ada", **said))


@pytest.mark.parametrize("reason", ["invalid-name", "invalid-role-assignment", "self-manager"])
def test_of_somebody_who_never_came_is_resolved_when_they_come(
    client: Client, scim: Provider, reason: str
) -> None:
    new_person(scim, BY_REASON[reason].said)
    page = listed(client)
    assert '<bdi class="ramp-break">ada@example.com</bdi>' in page

    scim.add("ada")

    assert not SyncError.objects.open().exists()


class TestAnUnknownManager:
    def test_who_is_waited_for_need_not_hold_up_the_invite(
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

    def test_is_not_mailed_where_the_connection_mails_nobody(
        self, client: Client, connect: Connect
    ) -> None:
        connect("okta", mails_invites=False).add("ada", **managed_by("bob@example.com"))

        click(client, "Invite anyway")

        assert ada().invites.get().mails.count() == 0

    def test_who_arrives_meanwhile_is_told(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **managed_by("bob@example.com"))
        error = open_error()
        lifecycle.release_invite(ada(), actor=ada().actor)

        page = text_of(client.post(f"{ERRORS}{error.pk}/invite-anyway/", follow=True))

        assert "No invite of Ada Lovelace is on hold anymore." in page
        assert SyncError.objects.open().exists()

    def test_who_is_rejected_is_added_first(self, client: Client, connect: Connect) -> None:
        okta = connect("okta", unknown_manager="reject")
        new_person(okta, managed_by("bob@example.com"))
        assert "Refused again" in click(client, "Retry")

        okta.add("bob")

        assert "Resolved" in click(client, "Retry")
        manager = ada().manager
        assert manager
        assert manager.given_name == "Bob"


class TestAnAddressThatNobodyOwns:
    @pytest.fixture
    def asking(self, connect: Connect, provider: Provider) -> Provider:
        provider.connection.email_link = "ask"
        provider.connection.save()
        return provider

    def test_is_linked_by_a_click(self, client: Client, asking: Provider) -> None:
        augusta = core.person(given_name="Augusta", email="ada@example.com")
        new_person(asking, {})

        page = click(client, "Link them")

        assert "Resolved" in page
        assert augusta.scim_users.get().connection == asking.connection
        augusta.refresh_from_db()
        assert augusta.given_name == "Ada"

    def test_is_linked_by_two_clicks_when_they_are_privileged(
        self, client: Client, provider: Provider, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        new_person(provider, {})
        error = open_error()

        page = click(client, "Link them")
        assert "holds the role <strong>Admin</strong>" in page
        assert "<del><bdi>Alan</bdi></del> → <ins><bdi>Ada</bdi></ins>" in page
        assert not turing.scim_users.exists()

        agreed = {"holder": str(turing.pk), "roles": "Admin"}
        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", agreed, follow=True))

        assert "Resolved" in page
        assert turing.scim_users.get().connection == provider.connection

    def test_is_not_linked_for_another_role_than_was_agreed_to(
        self, client: Client, scim: Provider, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        new_person(scim, {})
        error = open_error()
        Person.objects.filter(pk=turing.pk).update(role=Person.Role.OWNER)

        agreed = {"holder": str(turing.pk), "roles": "Admin"}
        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", agreed, follow=True))

        assert "holds the role <strong>Owner</strong>" in page
        assert not turing.scim_users.exists()

    def test_is_not_linked_to_somebody_else_than_was_seen(
        self, client: Client, asking: Provider
    ) -> None:
        first = core.person(email="ada@example.com")
        new_person(asking, {})
        error = open_error()
        Person.objects.filter(pk=first.pk).update(email="x@example.com", email_key="x@example.com")
        second = core.person(email="ada@example.com")

        seen = {"holder": str(first.pk), "roles": ""}
        client.post(f"{ERRORS}{error.pk}/link/", seen)

        assert not second.scim_users.exists()

    def test_is_not_linked_once_somebody_owns_them(
        self, client: Client, connect: Connect, scim: Provider
    ) -> None:
        core.administrator(email="ada@example.com")
        new_person(scim, {})
        error = open_error()
        entra = connect("entra", email_link="adopt")
        Person.objects.filter(email="ada@example.com").update(role=Person.Role.CARDHOLDER)
        new_person(entra, {})

        page = text_of(client.post(f"{ERRORS}{error.pk}/link/", follow=True))

        assert "can no longer be linked" in page
        assert "Compare" in listed(client)


class TestTheLastOwner:
    def test_may_go_once_there_is_another(
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


def test_missing_fields_are_filled_in_by_a_new_policy(client: Client, scim: Provider) -> None:
    new_person(scim, {RAMP: None})
    assert "Missing required fields: location." in listed(client)
    scim.connection.incomplete_policy, scim.connection.default_location = "fill", "Remote"
    scim.connection.save()

    page = click(client, "Retry")

    assert "Resolved" in page
    assert ada().profile.location == "Remote"
    assert RequestLog.objects.exclude(retried_by="").get().status == 201


def test_a_role_that_is_refused_again_says_so(client: Client, scim: Provider) -> None:
    scim.replace(scim.add("ada"), "roles", "EMPEROR")

    page = click(client, "Retry")

    assert "Refused again: User is not eligible to receive assigned role" in page
    assert open_error().reason == "invalid-role-assignment"


def test_what_was_kept_and_is_not_over_says_so(client: Client, connect: Connect) -> None:
    generic = connect("generic")
    generic.replace(generic.add("ada"), "roles", "EMPEROR")

    page = click(client, "Retry")

    assert "the error remains: User is not eligible to receive assigned role" in page


def test_the_offending_address_leads_to_who_has_it(client: Client, scim: Provider) -> None:
    scim.add("bob")
    new_person(scim, {"emails": [mail("bob@example.com")]})

    page = text_of(client.get(f"{ERRORS}{open_error().pk}/"))

    assert "Who has bob@example.com" in page
    assert "An identity provider manages them." in page
    assert "who is not here yet" in page
