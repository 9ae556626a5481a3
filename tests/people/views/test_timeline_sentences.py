"""Sentences of the timeline on the page of a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from people.models import Event, Mail, Person
from people.operations import people, people_update
from people.presentation.event_wording import ICONS
from people.values import Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


def page_of(person: Person, **query: Any) -> str:
    return text_of(signed_in(core.administrator()).get(f"/people/{person.pk}/", query))


def invited() -> Person:
    profile = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")
    return people.add_person(profile, actor=OKTA)


@pytest.fixture
def bob(owner: Person) -> Person:
    return invited()


def happened(person: Person, kind: Event.Kind, **facts: str) -> None:
    Event.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        kind=kind,
        actor=str(OKTA),
        facts=facts,
        happened_at=timezone.now(),
    )


def test_restored_field(ada: Person) -> None:
    sales = Profile(given_name="Ada", family_name="Lovelace", email=ada.email, department="Sales")
    people_update.revise_person(ada, sales, actor=HELPDESK)
    legal = Profile(given_name="Ada", family_name="Lovelace", email=ada.email, department="Legal")

    people_update.restore_managed_fields(ada, legal, actor=OKTA)

    assert "Okta restored department from Sales to Legal" in page_of(ada)


@pytest.mark.parametrize(
    ("kind", "facts", "sentence"),
    [
        (Event.Kind.ADDRESS_CONFIRMED, {}, "Bob Babbage confirmed the new email address"),
        (Event.Kind.INVITE_RESENT, {}, "Okta resent the invite"),
        (Event.Kind.ROLE_GRANTED, {"role": "Auditor"}, "Okta granted the role Auditor"),
        (
            Event.Kind.ROLE_REMOVED,
            {"role": "Auditor", "source": "scim:entra"},
            "Okta removed the role Auditor",
        ),
    ],
)
def test_sentence_of_each_kind(
    bob: Person, kind: Event.Kind, facts: dict[str, str], sentence: str
) -> None:
    happened(bob, kind, **facts)

    assert sentence in page_of(bob)


@pytest.mark.parametrize("kind", Event.Kind)
def test_every_kind_of_event_has_a_sentence_and_an_icon(bob: Person, kind: Event.Kind) -> None:
    happened(bob, kind, name="{actor} & co", what="{person}")

    assert "Bob Babbage" in page_of(bob)
    assert kind in ICONS or kind == Event.Kind.PERSON_REVISED


class TestMails:
    def test_waiting_mail(self, bob: Person) -> None:
        assert "The invite is waiting to be sent to bob@example.com" in page_of(bob)

    def test_sent_mail_with_time(self, bob: Person) -> None:
        Mail.objects.update(created_at="2026-03-05T09:00:00Z", sent_at="2026-03-05T10:00:00Z")

        page = page_of(bob)

        assert "The invite was sent to bob@example.com" in page
        assert "Sent on 5 March 2026, 10:00 UTC." in page

    def test_undelivered_mail_with_reason(self, bob: Person) -> None:
        Mail.objects.update(given_up_at=timezone.now(), attempts=1, problem="550 No such mailbox")

        page = page_of(bob)

        assert "The invite could not be sent to bob@example.com" in page
        assert "The mail server said: 550 No such mailbox" in page

    def test_each_mail_is_shown_once_on_the_page_of_its_time(self, bob: Person) -> None:
        early, late = timezone.now() - timedelta(days=9), timezone.now()
        Event.objects.update(happened_at=early - timedelta(days=1))
        for number in range(25):
            profile = Profile(
                given_name="Bob",
                family_name="Babbage",
                email=bob.email,
                department=f"D{number}",
            )
            people_update.revise_person(bob, profile, actor=OKTA)
        Mail.objects.update(created_at=early)
        first_mail = Mail.objects.get()
        Mail.objects.create(
            tenant_id=bob.tenant_id,
            kind=Mail.Kind.ADDRESS_CHANGES,
            person=bob,
            to=bob.email,
            created_at=late + timedelta(minutes=1),
            due_at=late,
        )
        last = bob.events.order_by("-pk")[19]

        first, second = page_of(bob), page_of(bob, before=last.pk)

        assert first_mail.kind == Mail.Kind.INVITE
        assert first.count("The address change notice is waiting") == 1
        assert "The invite is waiting to be sent" not in first
        assert second.count("The invite is waiting to be sent") == 1
        assert "The address change notice" not in second
