"""Subscribers of a test's own, named in settings.EVENT_SUBSCRIBERS."""

from people import tenancy
from people.models import Event

GREET, COUNT = "tests.support.event_subscribers.greet", "tests.support.event_subscribers.count"

# What was heard by whom, under which tenant; a test begins by emptying it.
heard: list[tuple[str, int]] = []
tenants: list[int] = []
# Which subscribers fail.
failing: set[str] = set()


class DeafError(Exception):
    pass


def greet(event: Event) -> None:
    _hear(GREET, event)


def count(event: Event) -> None:
    _hear(COUNT, event)


def _hear(subscriber: str, event: Event) -> None:
    heard.append((subscriber, event.pk))
    tenants.append(tenancy.current_id())
    if subscriber in failing:
        raise DeafError("not now")
