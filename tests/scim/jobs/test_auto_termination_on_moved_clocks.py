"""Auto-termination with a real worker, beat and PostgreSQL, whose clock is moved."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.clients.scim import someone
from tests.services.clock import Clock
from tests.services.db import Connected, connect
from tests.services.postgres_redis_smtp import Postgres, Redis
from tests.services.process import within
from tests.services.server import Server

pytestmark = pytest.mark.slow

# 45 days of 24 hours later, the local time in Berlin is 14:10, because of summer time.
NOON = datetime(2027, 2, 15, 12, 10, tzinfo=UTC)
DUE = NOON + timedelta(hours=24 * 45)
HOUR = timedelta(hours=1)
# Beat checks for due tasks at least every 10 seconds.
PATIENCE = 60


class Ramp:
    """A running Ramp with its own clock, and a SCIM client."""

    def __init__(self, server: Server, clock: Clock, connected: Connected) -> None:
        self.server, self.clock, self.connected = server, clock, connected

    def add(self, who: str) -> str:
        values: dict[str, Any] = self.ask("POST", "/Users", someone(who))
        return str(values["id"])

    def deactivate(self, scim_id: str) -> None:
        operation = {"op": "replace", "path": "active", "value": False}
        self.ask("PATCH", f"/Users/{scim_id}", {"Operations": [operation]})

    def ask(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            self.connected.base + path,
            data=json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.connected.token}",
                "Content-Type": "application/scim+json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def terminated(self) -> list[str]:
        """Return the names of terminated people, once for each termination."""
        return [
            str(row[0]).partition("@")[0]
            for row in self.rows(
                "SELECT p.email FROM people_event e JOIN people_person p ON p.id = e.person_id"
                " WHERE e.kind = 'person.terminated' ORDER BY e.id"
            )
        ]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def ramp(tmp_path: Path) -> Iterator[Ramp]:
    with ExitStack() as stack:
        redis = Redis()
        stack.callback(redis.stop)
        clock = Clock(NOON)
        stack.callback(clock.remove)
        postgres = Postgres(environment=clock.environment)
        stack.callback(postgres.stop)
        server = Server(
            tmp_path,
            postgres.create("ramp"),
            redis.url(),
            settings={**clock.environment, "TZ": "Europe/Berlin", "SECRET_KEY": "of this test"},
            command=("serve",),
        )
        stack.callback(server.end)
        yield Ramp(server, clock, connect(server, "--auto-terminate-days", "45"))


def test_each_person_is_terminated_once_on_the_due_date(ramp: Ramp) -> None:
    early, ada, late = (ramp.add(who) for who in ("early", "ada", "late"))
    ramp.clock.set(NOON - 2 * HOUR)
    ramp.deactivate(early)
    ramp.clock.set(NOON)
    ramp.deactivate(ada)
    ramp.clock.set(NOON + 1 * HOUR)
    ramp.deactivate(late)

    # By local time, Ada's 45 days are over; by hours, they are not.
    ramp.clock.set(DUE - HOUR / 2)
    within(PATIENCE, lambda: ramp.terminated() == ["early"])

    # The clock goes back two days; beat still runs tasks, as the next termination shows.
    back = DUE - timedelta(days=2)
    ramp.clock.set(back)
    ramp.rows(
        "UPDATE people_scheduledtermination SET due_at = %s WHERE person_id ="
        " (SELECT id FROM people_person WHERE email = 'late@example.com')",
        back,
    )
    ramp.clock.set(back + HOUR)
    within(PATIENCE, lambda: ramp.terminated() == ["early", "late"])

    ramp.clock.set(DUE + HOUR)
    within(PATIENCE, lambda: ramp.terminated() == ["early", "late", "ada"])

    ramp.clock.set(DUE + timedelta(days=45))
    again = ramp.add("again")
    ramp.deactivate(again)
    ramp.clock.set(DUE + timedelta(days=91))
    within(PATIENCE, lambda: ramp.terminated() == ["early", "late", "ada", "again"])
