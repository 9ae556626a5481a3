"""Subscribers of a test's own, which it registers with people/hooks.py."""

from people import tenancy
from people.hooks import AppHooks, Subscription
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


ADDED = [Event.Kind.PERSON_ADDED]
GREETING = AppHooks(subscriptions=[Subscription(GREET, greet, ADDED)])
COUNTING = AppHooks(subscriptions=[Subscription(COUNT, count, ADDED)])


def _hear(subscriber: str, event: Event) -> None:
    heard.append((subscriber, event.pk))
    tenants.append(tenancy.current_id())
    if subscriber in failing:
        raise DeafError("not now")
