"""The query plan of the list of changed people."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Person
from tests.clients.spend import Api

pytestmark = pytest.mark.django_db

NUMBER = 3000
SPREAD = """
    UPDATE people_person SET changed_at = now() - random() * interval '50 minutes'
    WHERE tenant_id = %s
"""


@pytest.fixture
def many(owner: Person) -> None:
    """Make people who changed at any time of the last 50 minutes."""
    if connection.vendor != "postgresql":
        pytest.skip("the plans are PostgreSQL's")
    now = timezone.now()
    one = {"tenant_id": owner.tenant_id, "state": Person.State.ACTIVE, "role_assigned_at": now}
    Person.objects.bulk_create(
        Person(**one, email=f"p{n}@example.com", email_key=f"p{n}@example.com")
        for n in range(NUMBER)
    )
    with connection.cursor() as cursor:
        cursor.execute(SPREAD, [owner.tenant_id])
        cursor.execute("ANALYZE people_person")


def plan_of(api: Api, query: str) -> dict[str, Any]:
    """Return how PostgreSQL reads the page of people."""
    with CaptureQueriesContext(connection) as captured:
        assert api.client.get(f"/api/v1/people?{query}").json()["results"]
    [read] = [one["sql"] for one in captured if "ORDER BY" in one["sql"] and "has_r" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {read}")
        [[explained]] = cursor.fetchall()
    plan: dict[str, Any] = explained[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.usefixtures("many")
def test_changed_people_are_read_by_an_index_without_sorting(api: Api) -> None:
    start = timezone.now()
    with time_machine.travel(start + timedelta(hours=1)):
        hour = f"{start - timedelta(hours=1):%FT%TZ}"
        first = api.client.get(f"/api/v1/people?changed_since={hour}").json()["next"]
        for query in (
            f"changed_since={hour}",
            "changed_since=1970-01-01T00:00:00Z",
            first.partition("?")[2],
        ):
            kinds = {
                (one["Node Type"], one.get("Index Name")) for one in nodes(plan_of(api, query))
            }
            assert ("Index Scan", "person_changed") in kinds, query
            assert "Sort" not in {kind for kind, _ in kinds}, query
