"""Receivers that poll their signal stream."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from people.models import Person, WebhookDelivery
from people.operations import people, sessions
from people.operations.signals.event_types import SignalType
from people.operations.webhooks import log_retention, sending
from tests.clients.signals import ReceiverClient
from tests.people.webhooks.changes import HELPDESK
from tests.people.webhooks.conftest import Clock
from tests.services.signal_receiver import type_of, verified

pytestmark = pytest.mark.django_db

State = WebhookDelivery.State


class Poller:
    """A stream that is polled."""

    def __init__(self, person: Person, clock: Clock) -> None:
        self.api = ReceiverClient(person)
        wanted = {"events_requested": SignalType.values}
        self.stream = self.api.ask("post", "configuration", wanted).json()
        self.url = self.stream["delivery"]["endpoint_url"]
        # Only later events are sent.
        clock.jump(timedelta(seconds=1))

    def poll(self, **values: Any) -> list[dict[str, Any]]:
        """Poll, verify the tokens and return their claims."""
        answer = self.api.poll(self.url, **values)
        self.has_more = answer["moreAvailable"]
        keys = self.api.jwks()
        claims = [verified(token, keys) for token in answer["sets"].values()]
        assert list(answer["sets"]) == [one["jti"] for one in claims]
        return claims


@pytest.fixture
def poller(owner: Person, clock: Clock) -> Poller:
    return Poller(owner, clock)


def test_poll_returns_events_until_acknowledged(poller: Poller, ada: Person) -> None:
    people.deactivate_person(ada, actor=HELPDESK)

    first = poller.poll()
    again = poller.poll(returnImmediately=True)
    rest = poller.poll(ack=[first[0]["jti"]])

    assert list(map(type_of, first)) == ["account-disabled", "session-revoked"]
    assert again == first
    assert rest == first[1:]
    assert poller.poll(ack=[rest[0]["jti"], "unknown", rest[0]["jti"]]) == []
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_poll_returns_at_most_max_events(poller: Poller, ada: Person) -> None:
    people.deactivate_person(ada, actor=HELPDESK)

    [one] = poller.poll(maxEvents=1)
    assert poller.has_more
    assert poller.poll(maxEvents=0, ack=[one["jti"]]) == []
    assert poller.has_more

    [other] = poller.poll(maxEvents=5)
    assert not poller.has_more
    assert other["jti"] != one["jti"]


def test_error_of_the_receiver_is_stored(poller: Poller, ada: Person) -> None:
    sessions.sign_out(ada, actor=HELPDESK, reason="")
    [event] = poller.poll()

    problem = {"err": "invalid_issuer", "description": "Who are you?"}
    assert poller.poll(setErrs={event["jti"]: problem}) == []

    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.state, delivery.problem) == (State.GIVEN_UP, "invalid_issuer: Who are you?")


def test_poll_returns_events_of_its_own_stream_only(
    poller: Poller, owner: Person, clock: Clock, ada: Person
) -> None:
    other = Poller(owner, clock)
    sessions.sign_out(ada, actor=HELPDESK, reason="")
    [event] = poller.poll()

    [theirs] = other.poll(ack=[event["jti"]])

    assert theirs["jti"] != event["jti"]
    assert len(poller.poll()) == 1


def test_events_of_a_polled_stream_are_not_pushed(
    poller: Poller, clock: Clock, ada: Person
) -> None:
    sessions.sign_out(ada, actor=HELPDESK, reason="")

    assert sending.send_due(as_of=clock.now) == 0

    assert len(poller.poll()) == 1


def test_events_during_a_pause_are_returned_afterwards(poller: Poller, ada: Person) -> None:
    own = {"stream_id": poller.stream["stream_id"]}
    poller.api.ask("post", "status", own | {"status": "paused"})
    sessions.sign_out(ada, actor=HELPDESK, reason="")
    assert poller.poll() == []

    poller.api.ask("post", "status", own | {"status": "enabled"})

    assert len(poller.poll()) == 1


def test_events_without_acknowledgment_are_deleted_after_30_days(
    poller: Poller, clock: Clock, ada: Person
) -> None:
    sessions.sign_out(ada, actor=HELPDESK, reason="")
    assert len(poller.poll()) == 1
    clock.jump(timedelta(days=29))
    log_retention.delete_old_deliveries(as_of=clock.now)
    assert len(poller.poll()) == 1

    clock.jump(timedelta(days=2))
    log_retention.delete_old_deliveries(as_of=clock.now)

    assert poller.poll() == []


@pytest.mark.parametrize(
    "body", [[], {"ack": "one"}, {"maxEvents": -1}, {"setErrs": {"one": "bad"}}]
)
def test_invalid_body_is_refused(poller: Poller, body: Any) -> None:
    assert poller.api.ask("post", poller.url, body).status_code == 400


def test_poll_takes_the_same_queries_for_more_events(
    poller: Poller, clock: Clock, ada: Person
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            poller.api.poll(poller.url)
        return len(captured)

    sessions.sign_out(ada, actor=HELPDESK, reason="")
    poller.poll()
    few = queries()
    for _ in range(10):
        sessions.sign_out(ada, actor=HELPDESK, reason="")

    poller.poll()

    assert queries() == few
