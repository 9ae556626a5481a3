"""Creating a user whose email belongs to an existing person."""

from typing import Any

import pytest
from django.utils import timezone

from people import tenancy
from people.models import Event, Invite, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor
from scim.models import ScimUser, SyncError
from tests.clients.scim import Answer, Provider, mail, someone
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

DUPLICATE = "Email is already associated with another employee"
HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make a cardholder that no connection manages."""
    return core.person(given_name="Augusta", email="Ada@example.com")


def facts(person: Person) -> dict[str, Any]:
    stored: dict[str, Any] = Person.objects.filter(email=person.email).values().get()
    return stored


def push(scim: Provider, who: str = "ada", **values: Any) -> Answer:
    return scim("POST", "/Users", someone(who, **values))


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.detail) == (400, DUPLICATE)
    assert SyncError.objects.open().get().reason == "duplicate-email"


class TestUnmanagedPerson:
    def test_provider_becomes_owner_of_the_fields(self, scim: Provider, ada: Person) -> None:
        answer = push(scim)

        assert answer.status == 201
        assert ScimUser.objects.get().person == ada
        ada.refresh_from_db()
        assert (ada.given_name, ada.profile.department) == ("Ada", "Research")
        assert ada.managed_fields["given_name"]["by"] == "scim:okta"

    def test_link_and_changes_are_audited_with_the_request(
        self, scim: Provider, ada: Person
    ) -> None:
        answer = push(scim)

        linked, event = Event.objects.filter(person=ada).order_by("pk")
        assert (linked.kind, linked.actor) == ("person.linked", "scim:okta")
        assert (event.kind, event.actor) == ("person.revised", "scim:okta")
        assert event.changes["given_name"] == {"from": "Augusta", "to": "Ada"}
        assert str(event.request_id) == answer.request_id

    def test_person_stays_signed_in(self, scim: Provider, ada: Person) -> None:
        push(scim)

        ada.refresh_from_db()
        assert (ada.state, ada.session_epoch) == (Person.State.ACTIVE, 0)
        assert not Invite.objects.exists()

    def test_person_is_matched_by_primary_address(self, scim: Provider, ada: Person) -> None:
        values = [{"value": "a@example.com"}, mail("ADA@example.com")]

        push(scim, "countess", emails=values)

        assert ScimUser.objects.get().person == ada

    def test_person_is_not_matched_by_secondary_address(self, scim: Provider, ada: Person) -> None:
        push(scim, "bob", emails=[{"value": "ada@example.com"}, mail("bob@example.com")])

        assert ScimUser.objects.get().person != ada

    def test_person_is_linked_by_an_update_too(self, connect: Connect, ada: Person) -> None:
        generic = connect("generic")
        scim_id = generic("POST", "/Users", {"userName": "x"}).id

        generic("PUT", f"/Users/{scim_id}", someone())

        assert ScimUser.objects.get().person == ada

    @pytest.mark.parametrize("active", [True, False])
    def test_person_gets_the_active_value_of_the_provider(
        self, scim: Provider, ada: Person, active: bool
    ) -> None:
        if active:
            people.deactivate_person(ada, actor=HELPDESK)

        push(scim, active=active)

        ada.refresh_from_db()
        assert ada.is_active is active

    def test_invited_person_keeps_the_same_invite(self, scim: Provider, owner: Person) -> None:
        ada = core.person(email="ada@example.com", state=Person.State.INVITED)
        invite = lifecycle.issue_invite(ada, actor=HELPDESK)

        push(scim)

        assert Invite.objects.open().get() == invite


class TestAdministrator:
    @pytest.mark.parametrize("role", Person.ADMINISTERING)
    def test_administrator_is_not_linked_without_confirmation(
        self, scim: Provider, owner: Person, role: str
    ) -> None:
        turing = core.person(email="ada@example.com", role=role)
        before = facts(turing)

        assert_refused(push(scim))

        assert facts(turing) == before
        assert not ScimUser.objects.exists()

    def test_resource_is_held_without_person_if_connection_holds(
        self, connect: Connect, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        before = facts(turing)

        answer = push(connect("generic"), active=False)

        assert answer.status == 201
        assert ScimUser.objects.get().person is None
        assert facts(turing) == before
        assert SyncError.objects.open().get().message == DUPLICATE


class TestManagedPerson:
    def test_is_refused_while_another_live_connection_manages_the_person(
        self, connect: Connect
    ) -> None:
        okta, entra = connect(), connect("entra")
        push(okta)
        before = facts(Person.objects.get(email="ada@example.com"))

        assert_refused(push(entra))

        assert facts(Person.objects.get(email="ada@example.com")) == before

    def test_is_refused_if_another_user_of_the_connection_has_the_person(
        self, scim: Provider
    ) -> None:
        push(scim)

        assert_refused(push(scim, "countess", emails=[mail("ada@example.com")]))

    def test_succeeds_after_the_other_connection_is_disconnected(self, connect: Connect) -> None:
        okta, entra = connect(), connect("entra")
        push(okta)
        okta.connection.disconnected_at = timezone.now()
        okta.connection.save()

        answer = push(entra, name={"givenName": "Augusta", "familyName": "King"})

        assert answer.status == 201
        ada = Person.objects.get(email="ada@example.com")
        assert ada.given_name == "Augusta"
        assert ada.managed_fields["given_name"]["by"] == "scim:entra"
        assert entra.replace(answer.id, "active", value=False).status == 200
        ada.refresh_from_db()
        assert not ada.is_active

    def test_succeeds_after_the_other_connection_deleted_the_user(self, connect: Connect) -> None:
        okta, entra = connect(), connect("entra")
        scim_id = push(okta).id
        okta("DELETE", f"/Users/{scim_id}")

        assert push(entra).status == 201

        ada = Person.objects.get(email="ada@example.com")
        assert ada.is_active
        assert okta("GET", f"/Users/{scim_id}").status == 404

    def test_deleting_connection_cannot_take_the_person_back(self, connect: Connect) -> None:
        okta, entra = connect(), connect("entra")
        okta("DELETE", f"/Users/{push(okta).id}")
        push(entra)
        before = facts(Person.objects.get(email="ada@example.com"))

        answer = push(okta)

        assert answer.status in (400, 409)
        assert facts(Person.objects.get(email="ada@example.com")) == before

    def test_creates_a_new_person_if_the_existing_one_is_terminated(
        self, scim: Provider, owner: Person
    ) -> None:
        gone = core.person(email="ada@example.com", state=Person.State.TERMINATED)

        push(scim)

        assert ScimUser.objects.get().person != gone
        assert Person.objects.in_lists().get(email="ada@example.com").state == "invited"

    def test_creates_a_new_person_if_the_existing_one_is_in_another_company(
        self, scim: Provider
    ) -> None:
        with core.in_another_tenant():
            ada = core.person(email="ada@example.com")
            before = facts(ada)

        push(scim)

        assert ScimUser.objects.get().person != ada
        assert Person.objects.filter(email="ada@example.com").count() == 1
        with tenancy.use(ada.tenant):
            assert facts(ada) == before
