"""Celery tasks of SCIM: reactions to events, and periodic jobs."""

import math
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.utils import timezone

from people.models import Event
from scim.api import log_retention
from scim.connections import inactivity
from scim.jobs import initial_import, manager_cycles, periodic, reapply
from scim.sync import group_roles, sync_errors, waiting_members
from scim.tools import self_test

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
    periodic.resolve_waiting(periodic.waiting_for(event.person))
    periodic.list_waiting(event.person)
    if earlier := event.changes.get("manager", {}).get("from"):
        manager_cycles.retry_below(UUID(earlier))


def join_waiting_members(_: Event) -> None:
    """Let whoever has arrived join the groups that wait for them."""
    if waiting_members.join_all():
        group_roles.schedule()


def provision_freed(_: Event) -> None:
    """Provision those who were held because somebody else had their address."""
    reapply.provision_freed()


def close_errors(event: Event) -> None:
    """Close the sync errors of a person who left."""
    if event.person:
        sync_errors.close_for_leaver(event.person, event)


def carry_over_at_once(_: Event) -> None:
    """Carry over now what beat would find within a minute."""
    _carry_over(seconds=HURRYING_SECONDS)


@shared_task(name="scim.tasks.carry_over")
def carry_over(**_: Any) -> None:
    """Import the resources received before activation, as many as time allows."""
    _carry_over(seconds=CARRYING_SECONDS)


def _carry_over(*, seconds: float) -> None:
    is_all = initial_import.import_batch(initial_import.unfinished(), seconds=seconds)[1]
    if not is_all:
        current_app.send_task("scim.tasks.carry_over", retry=False)


@shared_task(name="scim.tasks.run_cycle")
def run_cycle(**_: Any) -> None:
    look_again(as_of=timezone.now())


@shared_task(name=group_roles.TASK)
def follow_groups(**_: Any) -> None:
    waiting_members.join_all()
    is_all = group_roles.sync_all_roles(seconds=FOLLOWING_SECONDS)[1]
    if not is_all:
        current_app.send_task(group_roles.TASK, retry=False)


@shared_task(name="scim.tasks.forget_requests")
def forget_requests(**_: Any) -> None:
    forget(as_of=timezone.now())


def carry_over_all(*, as_of: datetime) -> int:
    """Do all of that here and now; return how many resources and people it mattered for."""
    return initial_import.import_batch(initial_import.unfinished(), seconds=math.inf)[0]


@shared_task(name=self_test.TASK)
def run_self_test(*, self_test_id: str, connection_id: str, **_: Any) -> None:
    self_test.run(UUID(self_test_id), UUID(connection_id))


@shared_task(name="scim.tasks.end_self_tests")
def end_self_tests(**_: Any) -> None:
    self_test.end_overdue(as_of=timezone.now())


def look_again(*, as_of: datetime) -> int:
    """Run the sync cycle, and return how many people it did something about."""
    inactivity.check_inactivity(as_of=as_of)
    reread = reapply.run_batch() + reapply.provision_freed()
    waiting_members.join_all()
    restored = periodic.restore_managed_fields(periodic.people_with_manual_overrides())
    followed = group_roles.sync_all_roles(seconds=FOLLOWING_SECONDS)[0]
    resolved = periodic.resolve_waiting(periodic.everyone_waiting()) + manager_cycles.retry_all()
    return reread + restored + followed + resolved


def forget(*, as_of: datetime) -> int:
    """Delete what the request log need not keep any longer; return how many rows."""
    return log_retention.forget(as_of=as_of)
