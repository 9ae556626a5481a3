"""Deactivating a person."""

import pytest

from people.models import Event, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.operations.roles import base_roles
from people.values import Actor
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.mark.parametrize("actor", [OKTA, Actor("command", "x"), Actor("job", "cycle")], ids=str)
def test_makes_person_inactive_and_records_the_actor(ada: Person, actor: Actor) -> None:
    assert people.deactivate_person(ada, actor=actor)

    stored = Person.objects.get(pk=ada.pk)
    assert stored.state == Person.State.INACTIVE
    assert not stored.is_active
    assert stored.deactivated_by == str(actor)
    assert stored.deactivated_at


def test_records_one_event_with_the_reason(ada: Person) -> None:
    people.deactivate_person(ada, actor=HELPDESK, reason="lost laptop")

    event = ada.events.get()
    assert event.kind == Event.Kind.PERSON_DEACTIVATED
    assert event.actor == "person:helpdesk@example.com"
    assert event.changes == {"state": {"from": "active", "to": "inactive"}}
    assert event.facts == {"reason": "lost laptop"}


def test_second_deactivation_changes_nothing(ada: Person) -> None:
    people.deactivate_person(ada, actor=OKTA)
    before = Person.objects.get(pk=ada.pk)

    assert not people.deactivate_person(ada, actor=HELPDESK)

    assert Person.objects.get(pk=ada.pk).deactivated_by == before.deactivated_by
    assert ada.events.count() == 1


def test_ends_every_session(ada: Person) -> None:
    before = ada.get_session_auth_hash()

    people.deactivate_person(ada, actor=OKTA)

    assert Person.objects.get(pk=ada.pk).get_session_auth_hash() != before


def test_revokes_the_invite(ada: Person) -> None:
    bob = core.person(state=Person.State.INVITED)
    invite = lifecycle.issue_invite(bob, actor=OKTA)

    people.deactivate_person(bob, actor=OKTA)

    invite.refresh_from_db()
    assert invite.revoked_at
    kinds = bob.events.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["invite.issued", "invite.revoked", "person.deactivated"]


def test_keeps_reports_and_marks_the_manager_inactive(ada: Person) -> None:
    report = core.person(manager=ada)

    people.deactivate_person(ada, actor=OKTA)

    report.refresh_from_db()
    assert report.manager == ada
    assert report.manager.display_name == "Ada Lovelace (Inactive)"


def test_keeps_the_role(ada: Person) -> None:
    turing = core.administrator()

    people.deactivate_person(turing, actor=OKTA)

    assert Person.objects.get(pk=turing.pk).role == Person.Role.ADMIN


def test_does_not_change_a_terminated_person(ada: Person) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    assert not people.deactivate_person(gone, actor=OKTA)

    assert Person.objects.get(pk=gone.pk).state == Person.State.TERMINATED


class TestLastOwnerOrAdministrator:
    @pytest.mark.parametrize(
        "actor", [OKTA, None, Actor("job", "cycle")], ids=["SCIM", "themselves", "job"]
    )
    def test_last_owner_cannot_be_deactivated_by_any_actor(
        self, owner: Person, actor: Actor | None
    ) -> None:
        """Includes the Owner themselves, the only person with the rank to deactivate an Owner."""
        core.administrator()

        with pytest.raises(base_roles.LastOwner):
            people.deactivate_person(owner, actor=actor or owner.actor)

        stored = Person.objects.get(pk=owner.pk)
        assert (stored.state, stored.session_epoch) == (Person.State.ACTIVE, 0)
        assert not Event.objects.exists()

    def test_last_administrator_cannot_be_deactivated(self, tenant: object) -> None:
        turing = core.administrator()

        with pytest.raises(base_roles.LastAdministrator):
            people.deactivate_person(turing, actor=OKTA)

        assert Person.objects.get(pk=turing.pk).is_active

    @pytest.mark.parametrize("state", [Person.State.INVITED, Person.State.INACTIVE])
    def test_invited_or_inactive_owner_does_not_count(
        self, owner: Person, state: Person.State
    ) -> None:
        core.owner(state=state)

        with pytest.raises(base_roles.LastOwner):
            people.deactivate_person(owner, actor=OKTA)

    def test_owner_of_another_company_does_not_count(self, owner: Person) -> None:
        with core.in_another_tenant():
            core.owner()

        with pytest.raises(base_roles.LastOwner):
            people.deactivate_person(owner, actor=OKTA)

    def test_owner_can_be_deactivated_if_another_owner_exists(self, owner: Person) -> None:
        core.owner()

        assert people.deactivate_person(owner, actor=OKTA)

    def test_invited_owner_can_be_deactivated(self, owner: Person) -> None:
        invited = core.owner(state=Person.State.INVITED)

        assert people.deactivate_person(invited, actor=OKTA)
