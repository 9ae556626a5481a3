"""Reactivating a person …"""

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
    """Make a cardholder who joined and is shut out."""
    return core.person(state=Person.State.INACTIVE, deactivated_by="scim:okta")


def test_lets_them_back_in(ada: Person) -> None:
    assert people.reactivate_person(ada, actor=OKTA)

    stored = Person.objects.get(pk=ada.pk)
    assert stored.state == Person.State.ACTIVE
    assert (stored.deactivated_at, stored.deactivated_by) == (None, "")


def test_is_one_event(ada: Person) -> None:
    people.reactivate_person(ada, actor=HELPDESK)

    event = ada.events.get()
    assert event.kind == Event.Kind.PERSON_REACTIVATED
    assert event.changes == {"state": {"from": "inactive", "to": "active"}}


def test_changes_nothing_when_they_are_in(ada: Person) -> None:
    people.reactivate_person(ada, actor=OKTA)

    assert not people.reactivate_person(ada, actor=OKTA)

    assert ada.events.count() == 1


def test_does_not_revive_a_session_from_before(owner: Person) -> None:
    ada = core.person()
    before = ada.get_session_auth_hash()
    people.deactivate_person(ada, actor=OKTA)

    people.reactivate_person(ada, actor=OKTA)

    assert Person.objects.get(pk=ada.pk).get_session_auth_hash() != before


def test_invites_again_who_never_joined(owner: Person) -> None:
    bob = core.person(state=Person.State.INACTIVE, joined_at=None)

    people.reactivate_person(bob, actor=OKTA)

    assert Person.objects.get(pk=bob.pk).state == Person.State.INVITED
    assert bob.invites.get().source == "scim"


def test_can_hold_that_invite(owner: Person) -> None:
    bob = core.person(state=Person.State.INACTIVE, joined_at=None)

    people.reactivate_person(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))

    assert bob.invites.get().hold_reason == "No manager yet"


def test_invites_nobody_who_joined(ada: Person) -> None:
    people.reactivate_person(ada, actor=OKTA)

    assert not ada.invites.exists()


def test_brings_nobody_back_from_termination(owner: Person) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    with pytest.raises(people.Terminated):
        people.reactivate_person(gone, actor=OKTA)

    assert Person.objects.get(pk=gone.pk).state == Person.State.TERMINATED
