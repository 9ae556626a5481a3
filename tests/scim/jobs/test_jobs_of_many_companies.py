"""Query counts of periodic jobs with many companies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import tenancy
from scim.connections import inactivity
from scim.jobs import log_retention
from scim.models import Connection, RequestLog
from tests.factories import core
from tests.factories.large_companies import kept
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db


def queries_with(companies: int, job: Callable[..., Any]) -> int:
    """Add companies with one request each, and return the query count of the job."""
    for _ in range(companies):
        with tenancy.use(core.tenant()):
            kept(scim_connection(), 1)
    with CaptureQueriesContext(connection) as captured:
        job(as_of=timezone.now())
    return len(captured)


@pytest.mark.parametrize(
    "job",
    [log_retention.delete_old_requests, inactivity.check_inactivity],
    ids=lambda one: one.__name__,
)
def test_query_count_does_not_grow_with_companies(job: Callable[..., Any]) -> None:
    queries_with(1, job)
    few = queries_with(1, job)

    assert queries_with(7, job) == few


def test_time_of_the_last_update_is_stored_for_each_connection() -> None:
    queries_with(3, inactivity.check_inactivity)

    with tenancy.across_tenants():
        for one in Connection.objects.all():
            assert one.last_update_at == RequestLog.objects.get(connection=one).received_at
