from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings

from people.models import Person, WebhookDelivery, WebhookEndpoint
from people.net import circuit_breaker, safe_http
from people.operations.webhooks import endpoints, sending
from tests.services.webhook_receiver import Receiver

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Clock:
    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller, self.now = traveller, NOW

    def jump(self, ahead: timedelta) -> None:
        self.now += ahead
        self.traveller.move_to(self.now)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """Run a receiver, and allow Ramp to send to it."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]
    with Receiver() as receiver:
        yield receiver
        circuit_breaker.reset(safe_http.origin(receiver.url))
    assert receiver.unverified == []


class Hook:
    """An endpoint that leads to the receiver."""

    def __init__(
        self, receiver: Receiver, clock: Clock, person: Person, *kinds: str, path: str = "/hooks"
    ) -> None:
        self.receiver, self.clock = receiver, clock
        self.endpoint, self.secret = endpoints.add_endpoint(
            person,
            url=receiver.url.replace("/hooks", path),
            description="",
            kinds=kinds,
            actor=person.actor,
        )
        receiver.secrets[path] = self.secret
        # Only what happens later is sent.
        clock.jump(timedelta(seconds=1))

    def send(self) -> int:
        """Do what a worker does."""
        return sending.send_due(as_of=datetime.now(UTC))

    def send_after(self, ahead: timedelta) -> int:
        self.clock.jump(ahead)
        return self.send()

    @property
    def row(self) -> WebhookEndpoint:
        row: WebhookEndpoint = WebhookEndpoint.objects.get(pk=self.endpoint.pk)
        return row

    @property
    def deliveries(self) -> list[WebhookDelivery]:
        return list(WebhookDelivery.objects.filter(endpoint=self.endpoint).order_by("pk"))


@pytest.fixture
def hook(receiver: Receiver, clock: Clock, owner: Person) -> Hook:
    return Hook(receiver, clock, owner)
