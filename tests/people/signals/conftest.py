from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from people.models import Person, SignalStream, Tenant, WebhookDelivery
from people.net import circuit_breaker, safe_http
from people.operations.signals import streams
from people.operations.signals.event_types import SignalType
from people.operations.signals.streams import StreamSettings
from people.operations.webhooks import sending
from tests.people.webhooks.conftest import Clock, clock
from tests.services.signal_receiver import SignalReceiver

__all__ = ["clock"]


def read_jwks(tenant: Tenant) -> dict[str, Any]:
    found: dict[str, Any] = Client().get(f"/signals/{tenant.slug}/jwks.json").json()
    return found


class Stream:
    """A stream that leads to the receiver."""

    def __init__(
        self, receiver: SignalReceiver, clock: Clock, person: Person, **fields: Any
    ) -> None:
        self.receiver, self.clock = receiver, clock
        chosen = {"events_requested": SignalType.values, "description": "Expenses"}
        more = {name: fields.pop(name) for name in ("subject_format",) if name in fields}
        self.stream = streams.add_stream(
            person,
            StreamSettings(url=receiver.url, **chosen | fields),
            **more,
            actor=person.actor,
        )
        receiver.keys = read_jwks(person.tenant)
        # Only what happens later is sent.
        clock.jump(timedelta(seconds=1))

    def send(self) -> int:
        """Do what a worker does."""
        return sending.send_due(as_of=datetime.now(UTC))

    def send_after(self, ahead: timedelta) -> int:
        self.clock.jump(ahead)
        return self.send()

    @property
    def row(self) -> SignalStream:
        row: SignalStream = SignalStream.objects.get(pk=self.stream.pk)
        return row

    @property
    def deliveries(self) -> list[WebhookDelivery]:
        return list(WebhookDelivery.objects.filter(endpoint=self.stream.pk).order_by("pk"))


@pytest.fixture
def receiver(settings: Settings) -> Iterator[SignalReceiver]:
    """Run a receiver, and allow Ramp to send to it."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]
    with SignalReceiver() as receiver:
        yield receiver
        circuit_breaker.reset(safe_http.origin(receiver.url))
    assert receiver.unverified == []


@pytest.fixture
def stream(receiver: SignalReceiver, clock: Clock, owner: Person) -> Stream:
    return Stream(receiver, clock, owner)
