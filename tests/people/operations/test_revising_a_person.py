"""Revising the fields of a person."""

from dataclasses import replace
from typing import Any

import pytest

from people.models import Entity, Event, Person, Tenant
from people.operations import people_update, person_fields, place_lookup
from people.values import Actor
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


def revise(person: Person, *, actor: Actor = OKTA, **values: Any) -> bool:
    return people_update.revise_person(person, replace(person.profile, **values), actor=actor)


def test_stores_new_values(ada: Person) -> None:
    assert revise(ada, family_name="King", department="Legal", location="Oslo")

    stored = Person.objects.get(pk=ada.pk)
    assert stored.full_name == "Ada King"
    assert (stored.profile.department, stored.profile.location) == ("Legal", "Oslo")


def test_records_one_event_with_the_difference(ada: Person) -> None:
    revise(ada, family_name="King", department="Legal")

    event = ada.events.get()
    assert event.kind == Event.Kind.PERSON_REVISED
    assert event.actor == "scim:okta"
    assert event.changes == {
        "family_name": {"from": "Lovelace", "to": "King"},
        "department": {"from": None, "to": "Legal"},
    }


def test_current_values_change_nothing(ada: Person) -> None:
    revise(ada, department="Legal", location="Oslo")
    seen = Person.objects.get(pk=ada.pk)

    assert not revise(ada)

    assert ada.events.count() == 1
    assert Person.objects.get(pk=ada.pk).changed_at == seen.changed_at


def test_department_in_another_case_changes_nothing(ada: Person) -> None:
    revise(ada, department="Legal")

    assert not revise(ada, department="LEGAL")


def test_department_and_location_can_be_removed(ada: Person) -> None:
    revise(ada, department="Legal", location="Oslo")

    assert revise(ada, department="", location="")

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.department, stored.location) == (None, None)


def test_keeps_role_and_manager_if_not_given(ada: Person) -> None:
    boss = core.person()
    people_update.revise_person(ada, ada.profile, actor=HELPDESK, manager=boss)

    revise(ada, given_name="Augusta", role=None)

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.manager, stored.role) == (boss, Person.Role.CARDHOLDER)


def test_merges_custom_values(ada: Person) -> None:
    people_update.revise_person(
        ada, ada.profile, actor=OKTA, custom_values={"badge": "7", "desk": "A"}
    )
    people_update.revise_person(ada, ada.profile, actor=OKTA, custom_values={"badge": "8"})

    assert Person.objects.get(pk=ada.pk).custom_values == {"badge": "8", "desk": "A"}
    assert ada.events.latest("pk").changes == {"custom.badge": {"from": "7", "to": "8"}}


def test_uses_current_values_instead_of_a_stale_row(ada: Person) -> None:
    stale = Person.objects.get(pk=ada.pk)
    revise(ada, department="Legal", location="Oslo")

    people_update.revise_person(stale, replace(ada.profile, given_name="Augusta"), actor=OKTA)

    assert ada.events.latest("pk").changes == {"given_name": {"from": "Ada", "to": "Augusta"}}


@pytest.mark.parametrize("values", [{"given_name": " "}, {"family_name": "42"}])
def test_refuses_invalid_name(ada: Person, values: dict[str, Any]) -> None:
    with pytest.raises(person_fields.InvalidName):
        revise(ada, department="Legal", **values)

    assert Person.objects.get(pk=ada.pk).full_name == "Ada Lovelace"
    assert not Event.objects.exists()


def test_refuses_email_that_is_in_use(ada: Person) -> None:
    core.person(email="Alan@example.com", state=Person.State.INACTIVE)

    with pytest.raises(person_fields.DuplicateEmail):
        revise(ada, family_name="King", email="alan@EXAMPLE.com")

    assert Person.objects.get(pk=ada.pk).full_name == "Ada Lovelace"


class TestMoving:
    @pytest.fixture
    def overseas(self, tenant: Tenant) -> Entity:
        return core.entity("Overseas", currency="USD")

    def test_to_an_entity_of_another_currency_is_refused(
        self, ada: Person, overseas: Entity
    ) -> None:
        core.location("Boston", entity=overseas)
        revise(ada, location="Rome")

        with pytest.raises(place_lookup.InvalidLocationChange):
            revise(ada, location="boston")

        assert Person.objects.get(pk=ada.pk).profile.location == "Rome"

    def test_to_another_entity_of_the_same_currency_is_allowed(
        self, ada: Person, tenant: Tenant
    ) -> None:
        core.location("Lyon", entity=core.entity("France", currency="EUR"))
        revise(ada, location="Rome")

        assert revise(ada, location="Lyon")

    def test_to_an_entity_of_any_currency_is_allowed_as_first_location(
        self, ada: Person, overseas: Entity
    ) -> None:
        core.location("Boston", entity=overseas)

        assert revise(ada, location="Boston")


class TestEmailAddress:
    def test_of_a_person_who_joined_is_pending(self, ada: Person) -> None:
        assert revise(ada, email="ada@new.example.com")

        stored = Person.objects.get(pk=ada.pk)
        assert stored.email == "ada@example.com"
        assert stored.pending_email == "ada@new.example.com"
        assert ada.events.get().changes == {
            "pending_email": {"from": None, "to": "ada@new.example.com"}
        }

    def test_pending_already_changes_nothing(self, ada: Person) -> None:
        revise(ada, email="ada@new.example.com")

        assert not revise(ada, email="ada@new.example.com")

    def test_pending_does_not_prevent_other_changes_when_taken(self, ada: Person) -> None:
        revise(ada, email="ada@new.example.com")
        core.person(email="ada@new.example.com")

        assert revise(ada, department="Legal")

    def test_pending_is_replaced_by_a_later_one(self, ada: Person) -> None:
        revise(ada, email="ada@new.example.com")
        revise(ada, email="ada@newer.example.com")

        assert Person.objects.get(pk=ada.pk).pending_email == "ada@newer.example.com"

    def test_is_no_longer_pending_when_the_old_one_is_sent(self, ada: Person) -> None:
        revise(ada, email="ada@new.example.com")

        assert revise(ada, email="ada@example.com")

        stored = Person.objects.get(pk=ada.pk)
        assert (stored.email, stored.pending_email) == ("ada@example.com", "")

    def test_stays_pending_while_other_things_change(self, ada: Person) -> None:
        revise(ada, email="ada@new.example.com")

        people_update.revise_person(ada, replace(ada.profile, given_name="Augusta"), actor=HELPDESK)

        assert Person.objects.get(pk=ada.pk).pending_email == "ada@new.example.com"

    def test_in_another_case_needs_no_confirmation(self, ada: Person) -> None:
        assert revise(ada, email="Ada@Example.com")

        stored = Person.objects.get(pk=ada.pk)
        assert (stored.email, stored.pending_email) == ("Ada@Example.com", "")

    @pytest.mark.parametrize("state", [Person.State.INVITED, Person.State.INACTIVE])
    def test_of_a_person_who_never_joined_changes_at_once(
        self, tenant: Tenant, state: Person.State
    ) -> None:
        bob = core.person(state=state, joined_at=None)

        revise(bob, email="Bob@new.example.com")

        stored = Person.objects.get(email_key="bob@new.example.com")
        assert (stored.pk, stored.pending_email) == (bob.pk, "")


class TestManagedFields:
    def test_are_marked_for_the_values_of_the_provider(self, ada: Person) -> None:
        boss = core.person()
        profile = replace(ada.profile, department="Legal", role=None)

        people_update.revise_person(ada, profile, actor=OKTA, manager=boss)

        marks = Person.objects.get(pk=ada.pk).managed_fields
        assert {mark["by"] for mark in marks.values()} == {"scim:okta"}
        assert set(marks) == {"given_name", "family_name", "email", "department", "manager"}

    def test_keep_the_date_of_the_first_value(self, ada: Person) -> None:
        revise(ada)
        marks = Person.objects.get(pk=ada.pk).managed_fields

        revise(ada, given_name="Augusta")

        assert Person.objects.get(pk=ada.pk).managed_fields == marks

    def test_are_marked_without_a_change_or_event(self, ada: Person) -> None:
        assert not revise(ada)

        assert Person.objects.get(pk=ada.pk).managed_fields
        assert not ada.events.exists()

    def test_are_not_marked_by_an_administrator(self, ada: Person) -> None:
        revise(ada, actor=HELPDESK, department="Legal")

        assert Person.objects.get(pk=ada.pk).managed_fields == {}

    def test_can_be_changed_by_an_administrator(self, ada: Person) -> None:
        revise(ada, department="Legal")

        assert revise(ada, actor=HELPDESK, department="Sales")

        stored = Person.objects.get(pk=ada.pk)
        assert stored.profile.department == "Sales"
        assert stored.managed_fields["department"]["by"] == "scim:okta"

    def test_pass_to_another_provider_that_sends_the_value(self, ada: Person) -> None:
        revise(ada, department="Legal")

        revise(ada, actor=Actor("scim", "entra"))

        marks = Person.objects.get(pk=ada.pk).managed_fields
        assert {mark["by"] for mark in marks.values()} == {"scim:entra"}
