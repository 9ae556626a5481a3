"""A provider writes while every process is killed: is an acknowledged write lost or doubled?

Clients take people through a whole life: create, rename, move, deactivate, reactivate, replace.
They retry as Entra does: the same request again after a broken connection, 429 or 5xx; after 409
they look the user name up and go on. Meanwhile workers, web processes, Redis, beat and
PostgreSQL die. Afterwards the journal of the clients is compared with the rows, and the mails
at the mail server with the mails in the database.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import httpx

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ENTERPRISE, ScimClient, patch, replace, user
from tests.faults.stack import Stack
from tests.services.db import Connected

# Runs a query, and returns its rows.
Rows = Callable[..., list[tuple[Any, ...]]]

CLIENTS = 6
WRITES_OF_A_LIFE = 6
# How often each part dies, in seconds.
INTERVALS = {"worker": 5.0, "web": 15.0, "redis": 25.0, "beat": 40.0, "postgres": 60.0}
# Workers that finished nothing for so long are stuck.
SECONDS_WITHOUT_PROGRESS = 60.0
OF_TENANT = "tenant_id = (SELECT id FROM people_tenant WHERE slug = %s)"
# What there may still be to do, as tables and conditions.
WAITING = {
    "mails": ("people_mail", "sent_at IS NULL AND given_up_at IS NULL AND due_at <= now()"),
    "events": ("people_event", "dispatched_at IS NULL"),
    "deliveries": ("people_delivery", "true"),
    "unresolved managers": ("scim_scimuser", "waiting_manager <> ''"),
}
STORED = f"""
    SELECT u.scim_username, p.state, p.family_name, d.name, u.active, u.document->>'title'
      FROM scim_scimuser u
      LEFT JOIN people_person p ON p.id = u.person_id
      LEFT JOIN people_department d ON d.id = p.department_id
     WHERE u.deleted_at IS NULL AND u.{OF_TENANT}
"""  # noqa: S608  as above
# Rows of which each key may have one, and how often somebody has more.
ONCE = {
    "users": ("scim_scimuser", "user_name_key", "true", 1),
    "people": ("people_person", "email_key", "true", 1),
    "open invites": ("people_invite", "person_id", "num_nulls(accepted_at, revoked_at) = 2", 1),
    "added events": ("people_event", "person_id", "kind = 'person.added'", 1),
    "deactivated events": ("people_event", "person_id", "kind = 'person.deactivated'", 2),
    "reactivated events": ("people_event", "person_id", "kind = 'person.reactivated'", 1),
}


@dataclass(frozen=True)
class Setback:
    """A request without a final response: its time and its error."""

    began_at: float
    ended_at: float
    what: str


@dataclass
class Journal:
    """What the clients sent, and what was acknowledged."""

    acknowledged: int = 0
    repeated: int = 0
    setbacks: list[Setback] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run(stack: Stack, *, writes: int, pace: float = 1.0) -> Outcome:
    """Have so many writes acknowledged while processes die, and compare.

    :param pace: multiplies the time between two deaths.
    """
    people = -(-writes // WRITES_OF_A_LIFE)
    connected, journal = stack.connect(provider="entra"), Journal()
    clients = [
        Thread(target=live, args=(connected, people, range(first, people, CLIENTS), journal))
        for first in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    deaths = _kill_until_finished(stack, pace, clients)
    print(f"{journal.acknowledged} writes acknowledged, {journal.repeated} sent again")
    print(f"deaths: {dict(deaths)}", flush=True)
    waiting = wait_until_finished(stack, connected)
    lost = find_lost(stack.rows, connected, range(people))
    doubled = find_doubled(stack.rows, connected)
    missing, copies = compare_mails(stack, connected)
    for problem in [*journal.problems, *lost, *doubled][:10]:
        print(problem)
    size = f"{journal.acknowledged:,} acknowledged writes, {deaths.total()} deaths"
    result = (
        f"{len(lost) + missing} lost, {len(doubled)} doubled, {len(journal.problems)} refused, "
        f"{waiting} left to do; {copies} mails sent again with the same Message-ID"
    )
    # A process that dies may have had one mail accepted without noting it.
    most_copies = deaths["worker"] + deaths["redis"] * 2 + deaths["postgres"] * 2
    holds = not (lost or doubled or journal.problems or waiting or missing)
    return Outcome("Kills", size, result, holds and copies <= most_copies)


def live(connected: Connected, people: int, numbers: Iterable[int], journal: Journal) -> None:
    """Take the people with these numbers through their lives, one after the other."""
    client = ScimClient(connected)
    for number in numbers:
        try:
            _take_through_life(client, number, people, journal)
        except Exception as error:
            journal.problems.append(f"person {number}: {error!r}")


def _take_through_life(client: ScimClient, number: int, people: int, journal: Journal) -> None:
    scim_id = _create(client, number, people, journal)
    for method, body in _changes(number, people):
        answer = _until_accepted(client, method, f"/Users/{scim_id}", body, journal)
        if answer.status_code not in (200, 204):
            raise ValueError(f"{method}: {answer.status_code} {answer.text[:200]}")
        journal.acknowledged += 1


def _create(client: ScimClient, number: int, people: int, journal: Journal) -> str:
    document = _document(number, people)
    answer = _until_accepted(client, "POST", "/Users", document, journal)
    if answer.status_code == 201:
        journal.acknowledged += 1
        return str(answer.json()["id"])
    if answer.status_code != 409:
        raise ValueError(f"POST: {answer.status_code} {answer.text[:200]}")
    # An earlier try was stored, and its answer lost.
    named = f'/Users?filter=userName eq "{document["userName"]}"'
    found = _until_accepted(client, "GET", named, None, journal).json()["Resources"]
    if len(found) != 1:
        raise ValueError(f"409 to POST, and {len(found)} found")
    journal.acknowledged += 1
    return str(found[0]["id"])


def _document(number: int, people: int, **more: Any) -> dict[str, Any]:
    """Return the person of that number, whose manager arrives later; nobody closes a circle."""
    manager = number + 11
    return user(
        f"life-{number}",
        manager=f"life-{manager}" if manager < people else "",
        department=f"Dept {number % 7}",
        name={"givenName": "Ada", "familyName": f"Person{number}"},
        **more,
    )


def _changes(number: int, people: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "PATCH", patch(replace("name.familyName", f"Renamed{number}"))
    yield "PATCH", patch(replace(f"{ENTERPRISE}:department", f"Moved {number % 5}"))
    yield "PATCH", patch(replace("active", "False"))
    yield "PATCH", patch(replace("active", "True"))
    more = {"title": f"Title {number}", "active": number % 3 != 0}
    yield "PUT", _document(number, people, **more)


def _until_accepted(
    client: ScimClient, method: str, path: str, body: dict[str, Any] | None, journal: Journal
) -> httpx.Response:
    """Send the request until it is answered for good.

    :raises TimeoutError: if that never happens.
    """
    for attempt in range(100):
        pause = min(0.2 * 2**attempt, 2.0)
        began_at = time.monotonic()
        try:
            answer = client.send(method, path, body)
        except httpx.HTTPError as error:
            journal.setbacks.append(Setback(began_at, time.monotonic(), type(error).__name__))
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                return answer
            journal.setbacks.append(Setback(began_at, time.monotonic(), str(answer.status_code)))
            pause = max(pause, float(answer.headers.get("Retry-After", 0)))
        journal.repeated += 1
        time.sleep(pause)
    raise TimeoutError("never answered")


def _kill_until_finished(stack: Stack, pace: float, clients: Sequence[Thread]) -> Counter[str]:
    """Kill programs and services until every client has finished; count the deaths.

    All die once at the beginning, so that the clients cannot finish before something has died.
    This runs in the main thread: what a thread starts ends with that thread (PR_SET_PDEATHSIG).
    """
    due = dict.fromkeys(INTERVALS, 0.0)
    began, chance, deaths = time.monotonic(), random.Random(7), Counter[str]()
    for client in clients:
        while client.is_alive() or len(deaths) < len(INTERVALS):
            name = min(due, key=lambda one: due[one])
            if time.monotonic() - began >= due[name]:
                due[name] = time.monotonic() - began + INTERVALS[name] * pace
                deaths[name] += DEATHS[name](stack, chance)
            client.join(0.1)
    return deaths


def _kill_worker(stack: Stack, chance: random.Random) -> bool:
    if chance.random() < 0.4:
        return stack.kill_child("worker", chance.randrange(4))
    return stack.kill_program("worker", whole=chance.random() < 0.5)


def _kill_web(stack: Stack, chance: random.Random) -> bool:
    if chance.random() < 0.2:
        return stack.kill_program("web")
    return stack.kill_child("web", chance.randrange(4))


def _kill_beat(stack: Stack, _: random.Random) -> bool:
    return stack.kill_program("beat")


def _kill_redis(stack: Stack, chance: random.Random) -> bool:
    stack.redis.kill()
    time.sleep(chance.uniform(0.2, 3))
    stack.redis.restart()
    return True


def _kill_postgres(stack: Stack, chance: random.Random) -> bool:
    stack.postgres.kill()
    time.sleep(chance.uniform(0.2, 2))
    stack.postgres.restart()
    return True


DEATHS: dict[str, Callable[[Stack, random.Random], bool]] = {
    "worker": _kill_worker,
    "web": _kill_web,
    "redis": _kill_redis,
    "beat": _kill_beat,
    "postgres": _kill_postgres,
}


def wait_until_finished(stack: Stack, connected: Connected) -> int:
    """Wait while workers finish what is left to do, and return how much is left at the end."""
    began = progressed = time.monotonic()
    left = _waiting(stack, connected)
    while sum(left.values()) and time.monotonic() - progressed < SECONDS_WITHOUT_PROGRESS:
        time.sleep(0.5)
        before, left = left, _waiting(stack, connected)
        if sum(left.values()) < sum(before.values()):
            progressed = time.monotonic()
    print(f"left to do after {time.monotonic() - began:.0f} s: {left}", flush=True)
    return sum(left.values())


def _waiting(stack: Stack, connected: Connected) -> dict[str, int]:
    return {
        what: stack.rows(
            f"SELECT count(*) FROM {table} WHERE {condition} AND {OF_TENANT}",  # noqa: S608  our own text
            connected.tenant,
        )[0][0]
        for what, (table, condition) in WAITING.items()
    }


def find_lost(rows: Rows, connected: Connected, numbers: Iterable[int]) -> list[str]:
    """Return whose rows are not as their last acknowledged write left them."""
    stored = {row[0]: row[1:] for row in rows(STORED, connected.tenant)}
    lost = []
    for number in numbers:
        is_active = number % 3 != 0
        wanted = (
            "invited" if is_active else "inactive",
            f"Person{number}",
            f"Dept {number % 7}",
            is_active,
            f"Title {number}",
        )
        got = stored.get(f"life-{number}@acme.example")
        if got != wanted:
            lost.append(f"person {number}: {got} instead of {wanted}")
    return lost


def find_doubled(rows: Rows, connected: Connected) -> list[str]:
    """Return the keys of which there are more rows than there may be."""
    found = []
    for what, (table, key, condition, most) in ONCE.items():
        sql = (
            f"SELECT {key}, count(*) FROM {table} WHERE {OF_TENANT} AND {condition} "  # noqa: S608  as above
            f"GROUP BY 1 HAVING count(*) > {most}"
        )
        found += [f"{what}: {row}" for row in rows(sql, connected.tenant)]
    return found


def compare_mails(stack: Stack, connected: Connected) -> tuple[int, int]:
    """Return how many mails marked as sent never arrived, and how many arrived again."""
    sent = {
        str(row[0])
        for row in stack.rows(
            f"SELECT id FROM people_mail WHERE sent_at IS NOT NULL AND {OF_TENANT}",  # noqa: S608  as above
            connected.tenant,
        )
    }
    ids = [
        str(mail.message["Message-ID"]).strip("<>").split("@")[0] for mail in stack.smtp.received
    ]
    arrived = Counter(one for one in ids if one in sent)
    return len(sent - arrived.keys()), arrived.total() - len(arrived)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument(
        "--pace", type=float, default=1.0, help="multiplies the time between deaths"
    )
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
