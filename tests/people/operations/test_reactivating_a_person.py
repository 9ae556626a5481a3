"""Reactivating a person."""

import pytest

from people.models import Event, Person
from people.operations import people
from people.values import Actor, Invitation
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def ada(owner: Person) -> Person:
    """A deactivated cardholder who had joined."""
    return core.person(state=Person.State.INACTIVE, deactivated_by="scim:okta")


def test_makes_the_person_active(ada: Person) -> None:
    assert people.reactivate_person(ada, actor=OKTA)

    stored = Person.objects.get(pk=ada.pk)
    assert stored.state == Person.State.ACTIVE
    assert (stored.deactivated_at, stored.deactivated_by) == (None, "")


def test_records_one_event(ada: Person) -> None:
    people.reactivate_person(ada, actor=HELPDESK)

    event = ada.events.get()
    assert event.kind == Event.Kind.PERSON_REACTIVATED
    assert event.changes == {"state": {"from": "inactive", "to": "active"}}


def test_second_reactivation_changes_nothing(ada: Person) -> None:
    people.reactivate_person(ada, actor=OKTA)

    assert not people.reactivate_person(ada, actor=OKTA)

    assert ada.events.count() == 1


def test_earlier_sessions_stay_ended(owner: Person) -> None:
    ada = core.person()
    before = ada.get_session_auth_hash()
    people.deactivate_person(ada, actor=OKTA)

    people.reactivate_person(ada, actor=OKTA)

    assert Person.objects.get(pk=ada.pk).get_session_auth_hash() != before


def test_person_who_never_joined_is_invited_again(owner: Person) -> None:
    bob = core.person(state=Person.State.INACTIVE, joined_at=None)

    people.reactivate_person(bob, actor=OKTA)

    assert Person.objects.get(pk=bob.pk).state == Person.State.INVITED
    assert bob.invites.get().source == "scim"


def test_new_invite_can_be_on_hold(owner: Person) -> None:
    bob = core.person(state=Person.State.INACTIVE, joined_at=None)

    people.reactivate_person(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))

    assert bob.invites.get().hold_reason == "No manager yet"


def test_person_who_joined_gets_no_invite(ada: Person) -> None:
    people.reactivate_person(ada, actor=OKTA)

    assert not ada.invites.exists()


def test_terminated_person_cannot_be_reactivated(owner: Person) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    with pytest.raises(people.Terminated):
        people.reactivate_person(gone, actor=OKTA)

    assert Person.objects.get(pk=gone.pk).state == Person.State.TERMINATED
