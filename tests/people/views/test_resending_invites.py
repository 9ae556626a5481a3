"""Sending an invite again from the page of a person."""

import pytest
from django.test import Client

from people.models import Invite, Mail, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
ADA = Profile(given_name="Ada", family_name="Lovelace", email="ada@example.com")


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def again(client: Client, person: Person) -> str:
    return text_of(client.post(f"/people/{person.pk}/invite-again/", follow=True))


def test_sends_the_open_invite_again(client: Client) -> None:
    ada = people.add_person(ADA, actor=OKTA)
    page = text_of(client.get(f"/people/{ada.pk}/"))

    assert "Resend invite" in page
    assert "The invite was sent to ada@example.com." in again(client, ada)

    assert Mail.objects.filter(invite=Invite.objects.get()).count() == 2


def test_creates_a_new_invite_after_revocation(client: Client, owner: Person) -> None:
    ada = people.add_person(ADA, actor=OKTA)
    lifecycle.revoke_invite(ada, actor=owner.actor)
    page = text_of(client.get(f"/people/{ada.pk}/"))

    assert "The invite was revoked" in page
    assert "Invite again" in page
    again(client, ada)

    assert Invite.objects.open().get().person == ada


def test_is_refused_for_an_active_person(client: Client) -> None:
    ada = core.person(state=Person.State.ACTIVE)

    assert "cannot be invited: they are active." in again(client, ada)


def test_is_refused_for_employees(tenant: object) -> None:
    ada = people.add_person(ADA, actor=OKTA)
    cardholder = core.person()

    signed_in(cardholder).post(f"/people/{ada.pk}/invite-again/")

    assert Mail.objects.count() == 1
