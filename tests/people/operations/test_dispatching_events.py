"""Dispatching events to subscribers."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.core.management import call_command
from pytest_django import DjangoCaptureOnCommitCallbacks

from people import events, hooks, tasks, tenancy
from people.db import leases
from people.hooks import AppHooks, Subscription
from people.models import Delivery, Event, Tenant
from people.models.deliveries import STUCK_ATTEMPTS
from people.operations import people
from people.values import Actor, Profile
from tests.factories import core
from tests.support import event_subscribers
from tests.support.event_subscribers import ADDED, COUNT, COUNTING, GREET, GREETING, failing, heard

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
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


@pytest.fixture(autouse=True)
def subscribers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hooks, "registered", [GREETING, COUNTING])
    yield
    for noted in (heard, event_subscribers.tenants, failing):
        noted.clear()


def add(email: str = "") -> Event:
    profile = Profile(given_name="Ada", family_name="L", email=email or f"{core.number()}@x.test")
    person = people.add_person(profile, actor=OKTA)
    return person.events.get(kind=Event.Kind.PERSON_ADDED)


def deliver(**options: Any) -> tuple[int, bool]:
    """Do what a worker does."""
    while events.dispatch():
        pass
    return events.deliver_due(as_of=datetime.now(UTC), **options)


def stuck(*options: str) -> dict[str, Any]:
    output = StringIO()
    with suppress(SystemExit):
        call_command("stuck", *options, stdout=output)
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


class TestSubscribersAreCalled:
    def test_for_each_event_oldest_first(self, tenant: Tenant) -> None:
        first, second = add(), add()

        assert deliver() == (4, True)

        assert heard == [(name, event.pk) for event in (first, second) for name in (GREET, COUNT)]

    def test_once_per_event(self, tenant: Tenant) -> None:
        add()
        deliver()

        assert deliver() == (0, True)

        assert len(heard) == 2
        assert not Event.objects.pending().exists()

    def test_for_events_of_all_tenants_within_the_tenant(self, tenant: Tenant) -> None:
        add()
        with core.in_another_tenant() as other:
            add()

        deliver()

        assert set(event_subscribers.tenants) == {tenant.pk, other.pk}
        assert tenancy.current_id() == tenant.pk

    def test_for_no_more_events_per_transaction_than_the_limit(self, tenant: Tenant) -> None:
        for _ in range(3):
            add()

        assert events.dispatch(limit=2) == 2

        assert Event.objects.pending().count() == 1

    def test_until_the_time_is_over(self, tenant: Tenant) -> None:
        add()

        assert deliver(seconds=0) == (1, False)
        assert deliver(seconds=0) == (1, False)
        assert deliver(seconds=0) == (0, True)

    def test_for_all_pending_events_by_one_task(self, tenant: Tenant) -> None:
        for _ in range(5):
            add()

        tasks.dispatch_events()

        assert len(heard) == 10

    def test_for_all_pending_events_by_dispatch_all(self, tenant: Tenant) -> None:
        add()

        assert events.dispatch_all(as_of=datetime.now(UTC)) == 1

        assert len(heard) == 2

    def test_soon_after_the_commit(
        self,
        tenant: Tenant,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        woken: list[bool] = []
        monkeypatch.setattr(events.waker, "wake", lambda: woken.append(True))

        with django_capture_on_commit_callbacks(execute=True):
            person = add().person
            assert person
            assert not woken
            people.deactivate_person(person, actor=OKTA)

        assert woken == [True]


class TestFailingSubscriber:
    def test_delivery_is_retried_with_growing_pauses(self, clock: Clock, tenant: Tenant) -> None:
        failing.add(GREET)
        event = add()
        assert deliver() == (1, True)

        for pause in [*events.PAUSES, events.PAUSES[-1]]:
            clock.jump(pause - timedelta(seconds=1))
            heard.clear()
            assert deliver() == (0, True)
            assert heard == []
            clock.jump(timedelta(seconds=1))
            deliver()
            assert heard == [(GREET, event.pk)]

        failing.clear()
        clock.jump(events.PAUSES[-1])
        assert deliver() == (1, True)
        assert not Delivery.objects.exists()

    def test_stuck_delivery_is_logged_once_and_listed(
        self, clock: Clock, tenant: Tenant, caplog: pytest.LogCaptureFixture
    ) -> None:
        failing.add(GREET)
        event = add()

        for _ in range(STUCK_ATTEMPTS + 2):
            deliver()
            clock.jump(events.PAUSES[-1])

        alarms = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert [record.message for record in alarms] == [
            f"#{event.pk} person.added to {GREET} is stuck; `manage.py stuck` lists it"
        ]
        [row] = stuck()["stuck"]
        assert (row["event"], row["subscriber"]) == (event.pk, GREET)
        assert row["problem"] == "DeafError: not now"

    def test_command_lists_no_delivery_that_is_still_retried(
        self, clock: Clock, tenant: Tenant
    ) -> None:
        failing.add(GREET)
        add()
        deliver()

        assert stuck() == {"stuck": [], "retried": False}

    def test_command_retries_stuck_deliveries_at_once(self, clock: Clock, tenant: Tenant) -> None:
        failing.add(GREET)
        add()
        for _ in range(STUCK_ATTEMPTS):
            deliver()
            clock.jump(events.PAUSES[-1])
        deliver()
        failing.clear()
        assert deliver() == (0, True)

        with pytest.raises(SystemExit) as end:
            call_command("stuck")
        assert end.value.code == 1
        assert len(stuck("--retry")["stuck"]) == 1

        assert deliver() == (1, True)
        assert stuck()["stuck"] == []

    def test_delivery_to_an_unregistered_subscriber_is_retried(
        self, clock: Clock, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add()
        events.dispatch()
        with monkeypatch.context() as patched:
            patched.setattr(hooks, "registered", [COUNTING])
            assert deliver() == (1, True)
        assert "no app has registered" in Delivery.objects.get().problem

        clock.jump(events.PAUSES[0])

        assert deliver() == (1, True)
        assert [name for name, _ in heard] == [COUNT, GREET]

    def test_job_over_its_time_limit_leaves_the_delivery_for_the_next(
        self, clock: Clock, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def take_too_long(event: Event) -> None:
            raise SoftTimeLimitExceeded

        slow = AppHooks(subscriptions=[Subscription(GREET, take_too_long, ADDED)])
        add()

        with monkeypatch.context() as patched:
            patched.setattr(hooks, "registered", [slow, COUNTING])
            with pytest.raises(SoftTimeLimitExceeded):
                deliver()

        clock.jump(events.PAUSES[0])
        deliver()
        assert sorted(name for name, _ in heard) == sorted([GREET, COUNT])


class TestDeadProcess:
    @pytest.fixture
    def held(self, clock: Clock, tenant: Tenant) -> Delivery:
        """A delivery that this process holds."""
        add()
        events.dispatch()
        delivery: Delivery = Delivery.objects.order_by("pk")[0]
        delivery.held_by, delivery.attempts = leases.holder(), 1
        delivery.due_at = clock.now + events.LEASE
        delivery.save()
        return delivery

    def test_delivery_of_a_living_process_is_left_alone(self, held: Delivery) -> None:
        deliver()

        assert [name for name, _ in heard] == [COUNT]

    def test_delivery_of_a_dead_process_is_taken_over_at_once(self, held: Delivery) -> None:
        machine, pid, started_at = held.held_by.rsplit("/", 2)
        held.held_by = f"{machine}/{pid}/{int(started_at) - 1}"
        held.save()

        deliver()

        assert [name for name, _ in heard] == [GREET, COUNT]

    def test_delivery_held_on_another_machine_is_taken_over_after_the_lease(
        self, clock: Clock, held: Delivery
    ) -> None:
        held.held_by = "another-boot/pid:[1]/1/1"
        held.save()
        deliver()
        assert [name for name, _ in heard] == [COUNT]

        clock.jump(events.LEASE)
        deliver()

        assert [name for name, _ in heard] == [COUNT, GREET]
