"""Activating a connection, and what happens to users that were sent before."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people.models import Event, Invite, Person
from scim.jobs import initial_import, retry
from scim.models import Connection, MatchDecision, RequestLog, ScimUser, SyncError, Token
from tests.clients.pages import queries_of, text_of
from tests.clients.scim import ENT, Provider, mail, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.support.scim_setup import Wizard

pytestmark = pytest.mark.django_db

DUPLICATE = "Email is already associated with another employee"


def user(name: str) -> ScimUser:
    return ScimUser.objects.get(scim_username=f"{name}@example.com")


def person(name: str) -> Person:
    found = user(name).person
    assert found
    return found


def facts(person: Person) -> dict[str, Any]:
    stored: dict[str, Any] = Person.objects.filter(pk=person.pk).values().get()
    return stored


def test_setup_from_catalog_to_activation(owner: Person) -> None:
    wizard = Wizard(owner)
    linked = core.person(given_name="Augusta", email="ada@example.com")
    left = core.person(given_name="Eve", email="eve@example.com")
    leaving = core.person(given_name="Bob", email="bob@example.com")
    before = facts(left)
    assert "Create token and start setup" in text_of(wizard.client.get("/integrations/okta/"))
    okta = wizard.connect()
    for name in ("ada", "eve", "grace"):
        okta.add(name)
    wizard.choose(user=user("eve").pk, choice="leave")
    wizard.choose(person=leaving.pk, choice="deactivate", back="show=here")

    numbers = wizard.get("activate")
    wizard.activate()

    assert "1 is in Ramp already" in numbers
    assert "1, invited by email" in numbers
    assert "2; 1 of them will be deactivated" in numbers
    assert user("ada").person == linked
    assert facts(left) == before
    grace = Person.objects.get(email="grace@example.com")
    assert Invite.objects.open().get().person == grace
    leaving.refresh_from_db()
    assert leaving.state == Person.State.INACTIVE
    assert leaving.deactivated_by == f"person:{owner.email}"
    assert "Activation complete" in wizard.get("activate")


class TestUsersSentBeforeActivation:
    def test_user_becomes_person_with_the_original_request_in_the_audit_log(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        answer = okta("POST", "/Users", someone("ada"))

        wizard.activate()

        ada = Person.objects.get(email="ada@example.com")
        assert ada.state == Person.State.INVITED
        assert ada.managed_fields["department"]["by"] == "scim:okta"
        added = Event.objects.get(person=ada, kind="person.added")
        assert (added.actor, str(added.request_id)) == ("scim:okta", answer.request_id)
        assert okta.read(answer.id)["id"] == answer.id

    def test_latest_request_is_recorded(self, wizard: Wizard, okta: Provider) -> None:
        scim_id = okta.add("ada")
        answer = okta.replace(scim_id, "title", "Countess")

        wizard.activate()

        added = Event.objects.get(kind="person.added")
        assert str(added.request_id) == answer.request_id

    def test_user_is_imported_after_the_request_log_was_emptied(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        okta.add("ada")
        RequestLog.objects.all().delete()

        wizard.activate()

        assert user("ada").person

    def test_inactive_user_becomes_inactive_person_without_invite(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        okta.add("ada", active=False)

        wizard.activate()

        assert Person.objects.get(email="ada@example.com").state == Person.State.INACTIVE
        assert not Invite.objects.open().exists()

    def test_deleted_user_is_not_imported(self, wizard: Wizard, okta: Provider) -> None:
        okta("DELETE", f"/Users/{okta.add('ada')}")

        wizard.activate()

        assert Person.objects.count() == 1

    def test_incomplete_user_is_listed_as_sync_error(self, wizard: Wizard, okta: Provider) -> None:
        answer = okta("POST", "/Users", someone("ada", **{ENT: None}))

        wizard.activate()

        problem = SyncError.objects.open().get()
        assert problem.message.startswith("Missing required fields: department.")
        assert (problem.user, str(problem.request_id)) == (user("ada"), answer.request_id)
        assert "1, each with its reason in Team updates" in wizard.get("activate")

    def test_next_request_completes_an_incomplete_user(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        scim_id = okta.add("ada", **{ENT: None})
        wizard.activate()

        assert okta.replace(scim_id, f"{ENT}:department", "Research").status == 200

        assert user("ada").person
        assert not SyncError.objects.open().exists()

    def test_manager_sent_after_the_report_is_assigned(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        okta.add("ada", **managed_by("grace@example.com"))
        okta.add("grace")

        wizard.activate()

        assert person("ada").manager == person("grace")
        assert Invite.objects.open().filter(hold_reason="").count() == 2

    def test_manager_linked_after_the_report_is_assigned(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        grace = core.person(email="grace@example.com")
        okta.add("ada", **managed_by("00u-grace"))
        okta.add("grace", externalId="00u-grace")

        wizard.activate()

        assert person("ada").manager == grace
        assert not SyncError.objects.open().exists()


class TestLinkedPerson:
    def test_linked_person_keeps_id_and_session(self, wizard: Wizard, okta: Provider) -> None:
        ada = core.person(given_name="Augusta", email="ada@example.com")
        client = Client()
        client.force_login(ada)
        okta.add("ada")

        wizard.activate()

        ada.refresh_from_db()
        assert user("ada").person == ada
        assert ada.given_name == "Ada"
        assert client.get("/home/").status_code == 200

    def test_confirmed_administrator_is_linked(self, wizard: Wizard, okta: Provider) -> None:
        turing = core.administrator(email="ada@example.com")
        okta.add("ada")
        wizard.choose(user=user("ada").pk, choice="link", confirmed="on")

        wizard.activate()

        turing.refresh_from_db()
        assert user("ada").person == turing
        assert turing.role == Person.Role.ADMIN

    def test_unconfirmed_administrator_is_not_linked(self, wizard: Wizard, okta: Provider) -> None:
        turing = core.administrator(email="ada@example.com")
        before = facts(turing)
        okta.add("ada")

        wizard.activate()

        assert facts(turing) == before
        assert user("ada").person is None
        assert SyncError.objects.open().get().message == DUPLICATE

    def test_person_of_earlier_connection_is_matched_by_external_id(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        earlier = scim_connection("okta", disconnected_at=timezone.now())
        before = scim_user(earlier, "lovelace@example.com", externalId="00u1")
        before.person = core.person(email="lovelace@example.com")
        before.save()
        okta.add("ada", externalId="00u1")

        wizard.activate()

        assert user("ada").person == before.person
        assert ScimUser.objects.get(pk=before.pk).person is None
        assert Person.objects.count() == 2

    def test_administrator_can_be_linked_later_by_retry(
        self, wizard: Wizard, okta: Provider, owner: Person
    ) -> None:
        turing = core.administrator(email="ada@example.com")
        okta.add("ada")
        wizard.activate()

        retry.retry(SyncError.objects.open().get(), actor=owner.actor, may_link=True)

        assert user("ada").person == turing
        assert not SyncError.objects.open().exists()

    def test_person_who_was_not_to_be_linked_stays_unlinked(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        ada = core.person(email="ada@example.com")
        scim_id = okta.add("ada")
        wizard.choose(user=user("ada").pk, choice="leave")
        wizard.activate()
        before = facts(ada)

        answer = okta.replace(scim_id, "title", "Countess")

        assert (answer.status, answer.detail) == (400, DUPLICATE)
        assert facts(ada) == before
        assert SyncError.objects.open().get().message == DUPLICATE


class TestPersonToDeactivate:
    def choose(self, wizard: Wizard, person: Person) -> None:
        wizard.choose(person=person.pk, choice="deactivate", confirmed="on", back="show=here")

    def test_person_sent_by_the_provider_meanwhile_stays_active(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        ada = core.person(email="ada@example.com")
        self.choose(wizard, ada)
        okta.add("ada")

        wizard.activate()

        ada.refresh_from_db()
        assert ada.is_active
        assert user("ada").person == ada

    def test_last_owner_is_not_deactivated(
        self, wizard: Wizard, okta: Provider, owner: Person
    ) -> None:
        other = core.owner(state=Person.State.INVITED)
        Wizard(other).choose(person=owner.pk, choice="deactivate", confirmed="on")

        wizard.activate()

        owner.refresh_from_db()
        assert owner.is_active
        assert SyncError.objects.open().get().reason == "last-owner"
        assert "Activation complete" in wizard.get("activate")


class TestActivation:
    def test_second_activation_changes_nothing(self, wizard: Wizard, okta: Provider) -> None:
        wizard.activate()
        wizard.post("activate")

        noted = Event.objects.filter(facts__what="activated")
        assert noted.get().actor == "person:owner@example.com"
        assert noted.get().facts["connection"] == str(okta.connection.pk)

    def test_connection_without_users_can_be_activated(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        assert "Okta has not sent anybody yet" in wizard.get("activate")

        wizard.activate()

        assert "Activation complete" in wizard.get("activate")
        okta.add("ada")
        assert user("ada").person

    def test_is_refused_if_the_same_provider_is_connected(
        self, wizard: Wizard, okta: Provider
    ) -> None:
        scim_connection("okta")

        response = wizard.client.post(wizard.address("activate"), follow=True)

        assert "Okta is already connected." in text_of(response)
        okta.connection.refresh_from_db()
        assert okta.connection.activated_at is None

    def test_token_still_works_after_activation(self, wizard: Wizard, okta: Provider) -> None:
        wizard.activate()

        assert Token.objects.get().revoked_at is None
        assert okta("GET", "/Users").status == 200

    def test_activation_without_setup_leads_to_the_overview(self, wizard: Wizard) -> None:
        response = wizard.post("activate")

        assert response["Location"] == "/integrations/okta/"


def test_two_users_with_the_same_email_create_one_person(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada")
    okta.add("countess", emails=[mail("ada@example.com")])

    wizard.activate()

    assert Person.objects.filter(email="ada@example.com").count() == 1
    assert user("countess").person is None
    assert MatchDecision.objects.count() == 0


def test_progress_query_count_does_not_grow_with_users(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada")
    wizard.activate()
    address = wizard.address("activate")
    few = queries_of(wizard.client, address)
    for number in range(10):
        okta.add(f"person{number}")

    assert len(queries_of(wizard.client, address)) == len(few)


def test_connect_command_activates_immediately(owner: Person) -> None:
    call_command("connect_scim", owner.tenant.slug, "--provider", "okta")

    connection = Connection.objects.get()
    assert connection.is_live
    assert initial_import.unfinished_connections() == []
