"""Time passing, and people leaving all at once."""

from datetime import UTC, datetime, timedelta

import time_machine

from people import events
from people.models import BulkChange
from people.values import Actor
from scim.models import ScimUser
from tests.clients.scim import Provider
from tests.factories.companies import deactivate

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNER = Actor("person", "owner@example.com")


class Clock:
    """Lets time pass."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.now = MONDAY

    def jump(self, **ahead: float) -> None:
        self.now += timedelta(**ahead)
        self.traveller.move_to(self.now)


def hear() -> None:
    """Have a worker hear of what has happened."""
    events.dispatch_all(as_of=datetime.now(UTC))


def leave(scim: Provider, users: list[ScimUser]) -> None:
    deactivate(scim, users)
    hear()


def alerted() -> list[int]:
    """Return how many people each alert is about."""
    return [change.items.count() for change in BulkChange.objects.order_by("began_at")]
