"""Jobs: what SCIM does when it hears that somebody arrived, and what beat has it do."""

import math
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.utils import timezone

from people.models import Event
from scim import (
    activation,
    circles,
    cycle,
    group_roles,
    journal,
    rereading,
    retention,
    self_test,
    silence,
)

# Less than a job may take.
CARRYING_SECONDS = 60
# Where other subscribers wait meanwhile.
HURRYING_SECONDS = 20
# The cycle does other things besides.
FOLLOWING_SECONDS = 30


def resolve_waiting_managers(event: Event) -> None:
    """Give those who wait for the person of this event their manager.

    If the event changed the person's own manager, a circle may be gone that kept others from
    theirs.
    """
    if event.person is None:
        return
    cycle.resolve_waiting(cycle.waiting_for(event.person))
    cycle.list_waiting(event.person)
    if earlier := event.changes.get("manager", {}).get("from"):
        circles.retry_below(UUID(earlier))


def close_errors(event: Event) -> None:
    """Close what is listed about a person who left: nobody need do anything about it."""
    if event.person:
        journal.close_for_leaver(event.person, event)


def carry_over_at_once(_: Event) -> None:
    """Carry over now what beat would find within a minute."""
    _carry_over(seconds=HURRYING_SECONDS)


@shared_task(name="scim.tasks.carry_over")
def carry_over(**_: Any) -> None:
    """Bring in whom a connection had received before it was activated, as many as time allows."""
    _carry_over(seconds=CARRYING_SECONDS)


def _carry_over(*, seconds: float) -> None:
    is_all = activation.carry_on(activation.unfinished(), seconds=seconds)[1]
    if not is_all:
        current_app.send_task("scim.tasks.carry_over", retry=False)


@shared_task(name="scim.tasks.run_cycle")
def run_cycle(**_: Any) -> None:
    look_again(as_of=timezone.now())


@shared_task(name=group_roles.TASK)
def follow_groups(**_: Any) -> None:
    is_all = group_roles.follow_all(seconds=FOLLOWING_SECONDS)[1]
    if not is_all:
        current_app.send_task(group_roles.TASK, retry=False)


@shared_task(name="scim.tasks.forget_requests")
def forget_requests(**_: Any) -> None:
    forget(as_of=timezone.now())


def carry_over_all(*, as_of: datetime) -> int:
    """Do all of that here and now; return how many resources and people it mattered for."""
    return activation.carry_on(activation.unfinished(), seconds=math.inf)[0]


@shared_task(name=self_test.TASK)
def run_self_test(*, self_test_id: str, connection_id: str, **_: Any) -> None:
    self_test.run(UUID(self_test_id), UUID(connection_id))


@shared_task(name="scim.tasks.end_self_tests")
def end_self_tests(**_: Any) -> None:
    self_test.end_overdue(as_of=timezone.now())


def look_again(*, as_of: datetime) -> int:
    """Run the sync cycle, and return how many people it did something about."""
    silence.look(as_of=as_of)
    reread = rereading.go_on()
    put_back = cycle.put_back(cycle.everyone_overruled())
    followed = group_roles.follow_all(seconds=FOLLOWING_SECONDS)[0]
    resolved = cycle.resolve_waiting(cycle.everyone_waiting()) + circles.retry_all()
    return reread + put_back + followed + resolved


def forget(*, as_of: datetime) -> int:
    """Delete what the request log need not keep any longer; return how many rows."""
    return retention.forget(as_of=as_of)
