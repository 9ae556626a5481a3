"""Events are lost on their way to the bulk-change guard: is anybody terminated nevertheless?

A provider deactivates a whole company by mistake. Meanwhile the queue is wiped, the worker is
killed, or a migration holds the guard's table for longer than a lock is waited for. The guard
has to raise its alert all the same. Then the events are taken away from it altogether, and the
termination job has to look by itself; where it cannot look, it has to refuse.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import redis

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ScimClient, patch, replace, user
from tests.faults.stack import Stack
from tests.services.db import Connected
from tests.services.process import within

# Longer than a lock is waited for (5 s), and than the first retry of an event (10 s).
HELD_SECONDS = 12
SECONDS_TO_ALERT = 60
ALARMED = """
    SELECT count(*) FROM people_bulkchangeitem i JOIN people_tenant t ON t.id = i.tenant_id
     WHERE t.slug = %s
"""
STATES = """
    SELECT count(*) FROM people_person p JOIN people_tenant t ON t.id = p.tenant_id
     WHERE t.slug = %s AND p.state = %s
"""
PENDING = "(SELECT id FROM people_tenant WHERE slug = %s)"


def run(stack: Stack, *, people: int, faults: list[str]) -> Outcome:
    """Have a company of so many deactivated for each fault, and count alerts and terminations."""
    silent, terminated = [], 0
    for name in faults:
        company = _company(stack, people)
        _deactivate_everybody(company, people)
        FAULTS[name](stack)
        began = time.monotonic()
        try:
            within(SECONDS_TO_ALERT, lambda slug=company.tenant: _alerted(stack, slug, people))  # type: ignore[misc]
            print(f"{name}: alert {time.monotonic() - began:.0f} s later", flush=True)
        except AssertionError:
            silent.append(name)
            print(f"{name}: NO alert", flush=True)
        terminated += _terminated(stack, company)
    terminated += _without_events(stack, people)
    result = f"{len(silent)} without an alert, {terminated} people terminated"
    size = f"{len(faults)} faults and a lost event, {people} people each"
    return Outcome("Events lost on the way to the alerts", size, result, not (silent or terminated))


def _company(stack: Stack, people: int) -> Connected:
    """Open a company with so many people, where inactive people are terminated after 45 days."""
    company = stack.connect(provider="okta")
    stack.rows(
        "UPDATE people_tenant SET auto_terminate_days = 45 WHERE slug = %s RETURNING id",
        company.tenant,
    )
    client = ScimClient(company)
    for _ in range(people):
        assert client.send("POST", "/Users", user(uuid4().hex)).status_code == 201
    return company


def _deactivate_everybody(company: Connected, people: int) -> None:
    client = ScimClient(company)
    listed = client.send("GET", f"/Users?count={people}&attributes=id").json()["Resources"]
    for resource in listed:
        off = patch(replace("active", value=False))
        assert client.send("PATCH", f"/Users/{resource['id']}", off).status_code in (200, 204)


def _wipe(stack: Stack) -> None:
    stack.kill_program("worker")
    redis.Redis.from_url(stack.redis.url()).flushall()


def _kill(stack: Stack) -> None:
    stack.kill_program("worker")


def _hold_table(stack: Stack) -> None:
    with _held(stack):
        time.sleep(HELD_SECONDS)


@contextmanager
def _held(stack: Stack) -> Iterator[None]:
    """Hold the guard's table as a migration does."""
    with psycopg.connect(stack.database_url) as database:
        database.execute("LOCK TABLE people_bulkchange IN ACCESS EXCLUSIVE MODE")
        yield


FAULTS: dict[str, Callable[[Stack], None]] = {
    "queue wiped, worker killed": _wipe,
    "worker killed": _kill,
    "guard's table locked": _hold_table,
}


def _alerted(stack: Stack, slug: str, people: int) -> bool:
    return bool(stack.value(ALARMED, slug) == people)


def _terminated(stack: Stack, company: Connected) -> int:
    """Do what is due after 46 days, and return how many people were terminated."""
    later = datetime.now(UTC) + timedelta(days=46)
    stack.server.manage("run_due", "--as-of", later.isoformat())
    return int(stack.value(STATES, company.tenant, "terminated"))


def _without_events(stack: Stack, people: int) -> int:
    """Lose the events altogether; return how many people were terminated."""
    company = _company(stack, people)
    with _held(stack):
        _deactivate_everybody(company, people)
        # Nobody is told of the deactivations any more.
        for sql in (
            f"UPDATE people_event SET dispatched_at = now() WHERE tenant_id = {PENDING}"  # noqa: S608  our own text
            " AND dispatched_at IS NULL RETURNING id",
            f"DELETE FROM people_delivery WHERE tenant_id = {PENDING} RETURNING id",  # noqa: S608  as above
        ):
            stack.rows(sql, company.tenant)
        refused = _terminated(stack, company)
    print(f"guard cannot look: {refused} terminated", flush=True)
    looked = _terminated(stack, company)
    is_alerted = _alerted(stack, company.tenant, people)
    print(f"events lost: {looked} terminated, alert: {is_alerted}", flush=True)
    return looked if is_alerted else people


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.lost_events", description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, people=wanted.people, faults=list(FAULTS)))


if __name__ == "__main__":
    main()
