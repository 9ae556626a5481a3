"""Mails about the security of an account."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from people import tenancy
from people.mail.messages import build_message
from people.models import Mail, Person, Tenant
from people.operations import email_changes, identities, passwords, second_factors
from people.operations.account_settings import change_account_settings
from people.values import Actor
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
Cause = Callable[[Person, Actor], object]


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    company = core.tenant(slug="acme", name="Acme")
    with tenancy.use(company), time_machine.travel(NOON, tick=False):
        yield company


@pytest.fixture
def owner() -> Person:
    return core.owner(email="olga@acme.example", password=PASSWORD)


@pytest.fixture
def ada(owner: Person) -> Person:
    return core.person(email="ada@acme.example", password=PASSWORD)


def with_second_factor(person: Person) -> None:
    second_factors.set_up_second_factor(
        person, secret="x", step=1, recovery_digests=[], may_replace=False, actor=person.actor
    )
    Mail.objects.all().delete()


def reset_second_factor(person: Person, actor: Actor) -> None:
    with_second_factor(person)
    second_factors.remove_second_factor(person, actor=actor)


def link_sign_in(person: Person, actor: Actor) -> None:
    identities.record_sign_in_linked(
        person, subject="A-1", provider="Okta", is_replaced=False, actor=actor
    )


def propose_address(person: Person, actor: Actor) -> None:
    email_changes.propose_address(person, "ada@new.example", actor=actor)


CAUSES: dict[str, Cause] = {
    "a reset second factor": reset_second_factor,
    "a linked sign-in": link_sign_in,
    "a changed address": propose_address,
    "a password reset": lambda person, actor: passwords.mail_reset(person, actor=actor),
    "a changed password": lambda person, actor: passwords.change_password(
        person, PASSWORD, actor=actor
    ),
}


def bodies() -> list[str]:
    found: list[str] = []
    for mail in Mail.objects.select_related("person__tenant"):
        message = build_message(mail)
        [html] = [str(part[0]) for part in message.alternatives]
        found += [" ".join(str(message.body).split()), " ".join(html.split())]
    return found


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_mail_names_the_actor_and_the_time(owner: Person, ada: Person, cause: Cause) -> None:
    change_account_settings(ada, {"time_zone": "Europe/Berlin"}, actor=ada.actor)

    cause(ada, owner.actor)

    assert bodies()
    for body in bodies():
        assert "Olga Owner" in body
        assert "2 March 2026, 13:00 UTC+1" in body


def test_mail_names_the_provider_that_changed_the_address(ada: Person) -> None:
    propose_address(ada, Actor("scim", "okta"))

    assert all("Okta entered" in body or "Okta asked" in body for body in bodies())


def test_mail_says_you_for_the_persons_own_change(ada: Person) -> None:
    passwords.change_password(ada, PASSWORD, actor=ada.actor)

    assert all("You changed your password" in body for body in bodies())


def test_mail_with_reset_link_names_the_ip_address_of_the_request(ada: Person) -> None:
    Client().post("/forgot-password/", {"email": ada.email})

    [mail] = Mail.objects.filter(kind=Mail.Kind.RESET_PASSWORD)
    assert "Somebody entered your address on the sign-in page from 127.0.0.1 on 2 March" in str(
        build_message(mail).body
    )


def test_person_is_mailed_when_an_administrator_resets_second_factor(
    owner: Person, ada: Person
) -> None:
    with_second_factor(ada)

    signed_in(owner).post(f"/people/{ada.pk}/reset-second-factor/")

    [mail] = Mail.objects.all()
    message = build_message(mail)
    assert (mail.to, message.subject) == (ada.email, "Your second factor was reset at Acme")
    assert "Olga Owner reset your second factor for Acme on Ramp, on 2 March 2026" in message.body
    assert ", from" not in message.body


@pytest.mark.parametrize("kind", ["approve-address", "confirm-address", "sign-in-linked"])
def test_mail_enqueued_by_an_earlier_version_can_be_built(ada: Person, kind: str) -> None:
    usual = {"tenant_id": ada.tenant_id, "person": ada, "to": ada.email}
    mail = Mail.objects.create(**usual, kind=kind, facts={}, created_at=NOON, due_at=NOON)

    assert "Somebody" in build_message(mail).body
