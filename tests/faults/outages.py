"""Redis or PostgreSQL is frozen, gone or wiped, or a client holds locks: who notices?

A steady stream of SCIM writes and reads and of page views runs through each outage. Promised is:

- without Redis every write is accepted, and what waited is done within a minute;
- while PostgreSQL is away, every SCIM answer is a SCIM answer, at worst 503 with Retry-After,
  pages answer 503 too, and writes are accepted again within seconds of its return;
- a client that holds rows and sleeps delays others for no longer than 10 seconds.
"""

import argparse
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from threading import Event, Lock, Thread
from uuid import uuid4

import httpx
import psycopg
import redis

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ScimClient, patch, replace, user
from tests.faults.stack import Stack, send_signal
from tests.services.db import Connected
from tests.services.process import descendants

CLIENTS = 6
KINDS = ("create", "patch", "patch", "read", "page")
SECONDS_TO_RECOVER = 45.0
SECONDS_TO_CATCH_UP = 60.0
# Finding 8 of the threat model: with Celery's defaults a request hung for 60 seconds.
MAX_WRITE_SECONDS = 5.0
BACKLOG = """
    SELECT (SELECT count(*) FROM people_mail
             WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= now())
         + (SELECT count(*) FROM people_event WHERE dispatched_at IS NULL)
         + (SELECT count(*) FROM people_delivery)
"""
LOCK_EVERYTHING = (
    "SELECT id FROM people_person FOR UPDATE",
    "SELECT pg_advisory_xact_lock(1, id::int) FROM people_tenant",
)
# As Ramp itself connects.
TIMEOUTS = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"


@dataclass(frozen=True)
class Sample:
    """One request: when it began, how long it took, and what came of it."""

    kind: str
    began_at: float
    seconds: float
    status: int
    is_ours: bool

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 400


class Load:
    """Clients that write, read and look at pages until they are stopped."""

    def __init__(self, connected: Connected, url: str, *, rate: float) -> None:
        self._connected, self._url, self._pause = connected, url, CLIENTS / rate
        self._is_over, self._lock = Event(), Lock()
        self._known: list[str] = []
        self.samples: list[Sample] = []
        self._threads = [Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in self._threads:
                thread.join()

    def since(self, began_at: float, until: float = float("inf")) -> list[Sample]:
        with self._lock:
            return [one for one in self.samples if began_at <= one.began_at < until]

    def _work(self, first: int) -> None:
        client = ScimClient(self._connected)
        for number in count(first):
            if self._is_over.wait(self._pause):
                return
            kind = KINDS[number % len(KINDS)] if self._known else "create"
            began_at, status, is_ours = time.monotonic(), 0, False
            with suppress(httpx.HTTPError):
                answer = self._ask(client, kind)
                status, is_ours = answer.status_code, _is_ours(answer)
                if status == 201:
                    self._known.append(answer.json()["id"])
            took = time.monotonic() - began_at
            with self._lock:
                self.samples.append(Sample(kind, began_at, took, status, is_ours))

    def _ask(self, client: ScimClient, kind: str) -> httpx.Response:
        name = uuid4().hex
        match kind:
            case "create":
                return client.send("POST", "/Users", user(name))
            case "patch":
                known = self._known[int(name, 16) % len(self._known)]
                return client.send("PATCH", f"/Users/{known}", patch(replace("title", name)))
            case "read":
                return client.send("GET", f'/Users?filter=userName eq "{name}@acme.example"')
        return httpx.get(f"{self._url}/sign-in/{self._connected.tenant}/", trust_env=False)


def _is_ours(answer: httpx.Response) -> bool:
    """Tell whether it is an answer that we give: good, or 503 in the client's own language."""
    if answer.status_code < 500:
        return True
    is_scim = "/scim/" in answer.request.url.path
    kind = answer.headers.get("Content-Type", "")
    language = "application/scim+json" if is_scim else "text/html"
    return answer.status_code == 503 and "Retry-After" in answer.headers and language in kind


@dataclass(frozen=True)
class Outage:
    """What breaks, how it is repaired, and whether writes go on meanwhile."""

    begin: Callable[[Stack], None]
    end: Callable[[Stack], None]
    writes_go_on: bool = True


def run(stack: Stack, *, names: list[str], seconds: float, rate: float) -> Outcome:
    """Have each of these outages for so many seconds; count the promises that do not hold."""
    connected = stack.connect(provider="okta")
    broken: list[str] = []
    with Load(connected, stack.server.url, rate=rate).running() as load:
        time.sleep(seconds / 2)
        for name in names:
            broken += [f"{name}: {one}" for one in _suffer(stack, load, OUTAGES[name], seconds)]
            print(f"{name}: {broken or 'holds'}", flush=True)
    size = f"{len(names)} outages of {seconds:.0f} s, {len(load.samples):,} requests"
    result = "; ".join(broken) or "every promise held"
    return Outcome("Outages of Redis and PostgreSQL", size, result, not broken)


def _suffer(stack: Stack, load: Load, outage: Outage, seconds: float) -> list[str]:
    """Return the promises that did not hold during and after the outage."""
    began_at = time.monotonic()
    outage.begin(stack)
    time.sleep(seconds)
    broke_until = time.monotonic()
    outage.end(stack)
    repaired_at = time.monotonic()
    broken = []
    if not _recovers(load, repaired_at):
        broken.append(f"no good writes within {SECONDS_TO_RECOVER:.0f} s")
    if not _catches_up(stack, repaired_at):
        broken.append(f"{stack.value(BACKLOG)} jobs left after {SECONDS_TO_CATCH_UP:.0f} s")
    during = load.since(began_at, broke_until)
    writes = [one for one in during if one.kind in ("create", "patch")]
    strange = Counter(f"{one.kind} {one.status}" for one in during if not one.is_ours)
    if strange:
        broken.append(f"answers that are not ours: {dict(strange)}")
    if outage.writes_go_on:
        if refused := sum(not one.is_good for one in writes):
            broken.append(f"{refused} of {len(writes)} writes refused")
        if slow := sum(one.seconds > MAX_WRITE_SECONDS for one in writes):
            broken.append(f"{slow} writes took more than {MAX_WRITE_SECONDS:.0f} s")
    return broken


def _recovers(load: Load, since: float) -> bool:
    """Wait until writes are accepted again."""
    while time.monotonic() - since < SECONDS_TO_RECOVER:
        if any(one.is_good for one in load.since(since) if one.kind in ("create", "patch")):
            return True
        time.sleep(0.1)
    return False


def _catches_up(stack: Stack, since: float) -> bool:
    """Wait until nothing is due that was caused before; the stream goes on meanwhile."""
    while time.monotonic() - since < SECONDS_TO_CATCH_UP:
        if stack.value(BACKLOG) <= CLIENTS:
            return True
        time.sleep(0.25)
    return False


def _wipe_redis(stack: Stack) -> None:
    redis.Redis.from_url(stack.redis.url()).flushall()


def _freeze_redis(how: signal.Signals) -> Callable[[Stack], None]:
    return lambda stack: stack.redis.process.send_signal(how)


def _freeze_postgres(how: signal.Signals) -> Callable[[Stack], None]:
    def send(stack: Stack) -> None:
        leader = stack.postgres.process.pid
        for pid in (leader, *descendants(leader)):
            send_signal(pid, how)

    return send


class _SleepingClient:
    """A client of the database that locks every person, and sleeps."""

    def begin(self, stack: Stack) -> None:
        self._database = psycopg.connect(stack.database_url, options=TIMEOUTS)
        for sql in LOCK_EVERYTHING:
            self._database.execute(sql.encode())

    def end(self, _: Stack) -> None:
        self._database.close()


_sleeping = _SleepingClient()
OUTAGES = {
    "Redis frozen": Outage(_freeze_redis(signal.SIGSTOP), _freeze_redis(signal.SIGCONT)),
    "Redis gone": Outage(lambda s: s.redis.kill(), lambda s: s.redis.restart()),
    "Redis wiped": Outage(_wipe_redis, lambda _: None),
    "PostgreSQL frozen": Outage(
        _freeze_postgres(signal.SIGSTOP), _freeze_postgres(signal.SIGCONT), writes_go_on=False
    ),
    "PostgreSQL crashed": Outage(
        lambda s: s.postgres.kill(), lambda s: s.postgres.restart(), writes_go_on=False
    ),
    "rows locked": Outage(_sleeping.begin, _sleeping.end, writes_go_on=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.outages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="length of each outage")
    parser.add_argument("--rate", type=float, default=12, help="requests a second")
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, names=list(OUTAGES), seconds=wanted.seconds, rate=wanted.rate))


if __name__ == "__main__":
    main()
