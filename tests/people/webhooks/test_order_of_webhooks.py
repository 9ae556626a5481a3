"""The order of webhook messages."""

from datetime import timedelta

import pytest

from people.models import Person
from people.operations import people
from tests.people.webhooks.changes import HELPDESK, names_sent, refuse, rename
from tests.people.webhooks.conftest import Clock, Hook
from tests.services.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db


def test_messages_about_a_person_are_in_order_of_events(
    hook: Hook, receiver: Receiver, ada: Person
) -> None:
    refuse(receiver, ada)
    for name in ("A", "B", "C"):
        rename(ada, name)
    hook.send()
    assert [one.attempts for one in hook.deliveries] == [1, 0, 0]

    receiver.status_of = lambda _: 200
    hook.send()
    assert receiver.accepted == []
    hook.send_after(timedelta(seconds=6))

    assert names_sent(receiver, ada) == ["A", "B", "C"]


def test_failing_message_does_not_delay_messages_about_other_people(
    hook: Hook, receiver: Receiver, ada: Person, grace: Person
) -> None:
    refuse(receiver, ada)
    rename(ada, "A")
    rename(grace, "G")

    hook.send()

    assert names_sent(receiver, grace) == ["G"]


def test_later_messages_are_sent_after_a_message_has_failed_for_an_hour(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person
) -> None:
    receiver.status_of = lambda message: 500 if message.type == "person.revised" else 200
    rename(ada, "A")
    people.deactivate_person(ada, actor=HELPDESK)
    hook.send()
    for _ in range(5):
        hook.send_after(timedelta(minutes=11))
    assert receiver.types == []

    hook.send_after(timedelta(minutes=11))

    assert receiver.types == ["person.deactivated"]


def test_order_is_kept_after_an_outage_of_hours(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person
) -> None:
    refuse(receiver, ada)
    for name in ("A", "B"):
        rename(ada, name)
    for _ in range(20):
        hook.send_after(timedelta(minutes=31))

    receiver.status_of = lambda _: 200
    for _ in range(10):
        hook.send_after(timedelta(hours=1))

    assert names_sent(receiver, ada) == ["A", "B"]
