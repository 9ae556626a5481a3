"""Jobs: what SCIM does when it hears that somebody arrived, and what beat has it do."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from people import tenancy
from people.models import Event
from scim import cycle, self_test
from scim.models import PageAnchor, RequestLog


@shared_task(name="scim.tasks.resolve_waiting_managers")
def resolve_waiting_managers(*, event_id: int, **_: Any) -> None:
    """Give those who wait for the person of this event their manager."""
    with tenancy.across_tenants():
        event = Event.objects.select_related("person").get(pk=event_id)
    if event.person:
        with tenancy.use(event.tenant_id):
            cycle.resolve_waiting(cycle.waiting_for(event.person))


@shared_task(name="scim.tasks.run_cycle")
def run_cycle(**_: Any) -> None:
    look_again(as_of=timezone.now())


@shared_task(name="scim.tasks.forget_requests")
def forget_requests(**_: Any) -> None:
    forget(as_of=timezone.now())


@shared_task(name=self_test.TASK)
def run_self_test(*, self_test_id: str, connection_id: str, **_: Any) -> None:
    self_test.run(UUID(self_test_id), UUID(connection_id))


@shared_task(name="scim.tasks.end_self_tests")
def end_self_tests(**_: Any) -> None:
    self_test.end_overdue(as_of=timezone.now())


def look_again(*, as_of: datetime) -> int:
    """Run the sync cycle, and return how many people it did something about."""
    put_back = cycle.put_back(cycle.everyone_overruled())
    return put_back + cycle.resolve_waiting(cycle.everyone_waiting())


def forget(*, as_of: datetime) -> int:
    """Delete what the request log need not keep any longer; return how many rows."""
    with tenancy.across_tenants():
        oldest = as_of - timedelta(days=settings.REQUEST_LOG_DAYS)
        forgotten, _ = RequestLog.objects.filter(received_at__lt=oldest).delete()
        PageAnchor.objects.filter(made_at__lt=as_of - timedelta(days=1)).delete()
    return forgotten
