"""Celery tasks of SCIM: reactions to events, and periodic jobs."""

import math
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.utils import timezone

from people import tenancy
from people.models import Event
from scim.api import async_requests as accepted_requests
from scim.connections import certification, inactivity
from scim.jobs import (
    async_requests,
    initial_import,
    log_retention,
    manager_cycles,
    overridden_fields,
    reapply,
    waiting_managers,
)
from scim.models import user_count
from scim.sync import group_roles, sync_errors, waiting_members
from scim.tools import self_test

# CELERY_TASK_SOFT_TIME_LIMIT is 90 seconds.
IMPORT_SECONDS = 60
# Shorter, because the worker that runs it delivers the event to other subscribers afterwards.
FIRST_IMPORT_SECONDS = 20
# Shorter, because the sync cycle has other steps.
GROUP_ROLES_SECONDS = 30
MANAGERS_SECONDS = 20
ASYNC_REQUESTS_SECONDS = 60
# The registered names of tasks stay when a function is renamed: jobs in the queue contain them.
IMPORT_TASK = "scim.tasks.carry_over"


def resolve_waiting_managers(event: Event) -> None:
    """Assign the person of the event to the people who wait for them as their manager.

    If the manager of the person has changed, also retry managers that were refused as circular.
    """
    if event.person is None:
        return
    waiting_managers.resolve_waiting(waiting_managers.users_waiting_for(event.person))
    waiting_managers.record_waiting(event.person)
    if earlier := event.changes.get("manager", {}).get("from"):
        manager_cycles.retry_below(UUID(earlier))


def join_waiting_groups(event: Event) -> None:
    """Add the person of the event to the groups that were pushed before them."""
    if event.person and waiting_members.join_groups_of(event.person):
        group_roles.schedule()


def provision_freed_addresses(_: Event) -> None:
    """Provision users who were held because another person had their email address."""
    reapply.provision_freed_addresses()


def close_errors(event: Event) -> None:
    """Close the sync errors of a person who left."""
    if event.person:
        sync_errors.close_for_leaver(event.person, event)


def import_after_activation(_: Event) -> None:
    """Start the initial import at once; beat would start it within a minute."""
    _import_received(seconds=FIRST_IMPORT_SECONDS)


@shared_task(name=IMPORT_TASK)
def import_received(**_: Any) -> None:
    """Import the resources received before activation, as many as time allows."""
    _import_received(seconds=IMPORT_SECONDS)


def _import_received(*, seconds: float) -> None:
    connections = initial_import.unfinished_connections()
    is_all = initial_import.import_batch(connections, seconds=seconds)[1]
    if not is_all:
        current_app.send_task(IMPORT_TASK, retry=False)


def import_all(*, as_of: datetime) -> int:
    """Import all resources received before activation; return the number of processed rows."""
    return initial_import.import_batch(initial_import.unfinished_connections(), seconds=math.inf)[0]


@shared_task(name="scim.tasks.run_cycle")
def run_cycle(**_: Any) -> None:
    run_sync_cycle(as_of=timezone.now())


def run_sync_cycle(*, as_of: datetime) -> int:
    """Run the sync cycle, and return the number of people that it processed."""
    user_count.sum_up()
    certification.end_overdue(as_of=as_of)
    inactivity.check_inactivity(as_of=as_of)
    reapplied = reapply.run_batch()
    with tenancy.across_tenants():
        reapplied += reapply.provision_freed_addresses()
    waiting_members.join_all()
    restored = overridden_fields.restore_overridden_fields(overridden_fields.overridden_users())
    synced = group_roles.sync_all_roles(seconds=GROUP_ROLES_SECONDS)[0]
    resolved = waiting_managers.resolve_all(seconds=MANAGERS_SECONDS) + manager_cycles.retry_all()
    return reapplied + restored + synced + resolved


@shared_task(name=group_roles.TASK)
def sync_group_roles(**_: Any) -> None:
    is_all = group_roles.sync_all_roles(seconds=GROUP_ROLES_SECONDS)[1]
    if not is_all:
        current_app.send_task(group_roles.TASK, retry=False)


@shared_task(name=accepted_requests.TASK)
def process_async_requests(**_: Any) -> None:
    is_all = async_requests.process_batch(seconds=ASYNC_REQUESTS_SECONDS)[1]
    if not is_all:
        current_app.send_task(accepted_requests.TASK, retry=False)


@shared_task(name="scim.tasks.forget_requests")
def delete_old_requests(**_: Any) -> None:
    log_retention.delete_old_requests(as_of=timezone.now())


@shared_task(name=self_test.TASK)
def run_self_test(*, self_test_id: str, connection_id: str, **_: Any) -> None:
    self_test.run(UUID(self_test_id), UUID(connection_id))


@shared_task(name="scim.tasks.end_self_tests")
def end_self_tests(**_: Any) -> None:
    self_test.end_overdue(as_of=timezone.now())
