"""Readers of events while an older transaction is still open."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from people.models import Event, Person, WebhookDelivery
from people.operations import people
from people.operations.webhooks import endpoints
from people.operations.webhooks.enqueue import enqueue_events
from people.values import Actor
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db(transaction=True)

OKTA = Actor("scim", "okta")
Later = Callable[[int], Any]


@contextmanager
def slow_deactivation(person: Person) -> Iterator[None]:
    """Deactivate the person in another transaction, which commits at the end of the block."""
    written, may_commit = Signal(), Signal()

    def deactivate() -> None:
        with transaction.atomic():
            people.deactivate_person(person, actor=OKTA)
            written.set()
            may_commit.wait(30)
        connection.close()

    thread = Thread(target=copy_context().run, args=(deactivate,))
    thread.start()
    assert written.wait(30)
    try:
        yield
    finally:
        may_commit.set()
        thread.join()


@pytest.fixture
def later() -> Later:
    """Go to this many minutes after the start of the test."""
    start = timezone.now()
    return lambda minutes: time_machine.travel(start + timedelta(minutes=minutes))


@pytest.fixture
def grace(owner: Person) -> Person:
    return core.person(email="grace@example.com")


def events_after(api: Api, last: int) -> list[int]:
    results = api.get("events", after=last).json()["results"]
    return [one["id"] for one in results]


def test_event_feed_waits_for_the_open_transaction(
    api: Api, ada: Person, grace: Person, later: Later
) -> None:
    with later(5):
        *_, last = events_after(api, 0)
    with slow_deactivation(ada):
        with later(5):
            people.deactivate_person(grace, actor=OKTA)
        with later(10):
            assert events_after(api, last) == []

    with later(10):
        seen = events_after(api, last)
        assert events_after(api, seen[-1]) == []

    assert list(
        Event.objects.filter(pk__in=seen).order_by("happened_at").values_list("person")
    ) == [
        (ada.pk,),
        (grace.pk,),
    ]


def test_list_of_changed_people_waits_for_the_open_transaction(
    api: Api, ada: Person, grace: Person, later: Later
) -> None:
    since = timezone.now().isoformat()
    with slow_deactivation(ada):
        with later(5):
            people.deactivate_person(grace, actor=OKTA)
        with later(10):
            assert api.get("people", changed_since=since).json()["results"] == []

    with later(10):
        found = api.get("people", changed_since=since).json()["results"]

    assert [one["id"] for one in found] == [str(ada.pk), str(grace.pk)]


def test_webhooks_deliver_events_of_the_slow_transaction_later(
    owner: Person, ada: Person, grace: Person, later: Later, settings: LazySettings
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]
    kinds = [Event.Kind.PERSON_DEACTIVATED]
    url = "http://127.0.0.1:1/hooks"
    endpoints.add_endpoint(owner, url=url, description="", kinds=kinds, actor=owner.actor)
    with slow_deactivation(ada):
        with later(5):
            people.deactivate_person(grace, actor=OKTA)
        for minutes in (5, 10):
            with later(minutes):
                enqueue_events()

    with later(15):
        enqueue_events()
        enqueue_events()

    sent = WebhookDelivery.objects.order_by("pk").values_list("person", flat=True)
    assert list(sent) == [grace.pk, ada.pk]


def test_read_only_transaction_delays_no_events(api: Api, ada: Person, later: Later) -> None:
    reading, may_end = Signal(), Signal()

    def read() -> None:
        with transaction.atomic():
            assert Person.objects.exists()
            reading.set()
            may_end.wait(30)
        connection.close()

    thread = Thread(target=copy_context().run, args=(read,))
    thread.start()
    assert reading.wait(30)
    people.deactivate_person(ada, actor=OKTA)
    with later(5):
        [*_, last] = events_after(api, 0)
    may_end.set()
    thread.join()

    assert Event.objects.get(pk=last).person == ada
