"""Many requests at the same moment: managers in circles, the last Owner, one name many times.

Every race begins at a barrier, and goes over HTTP to several web processes.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ENTERPRISE, ScimClient, patch, replace, user
from tests.faults.stack import Stack

Call = tuple[str, str, dict[str, Any] | None]
AT_ONCE: Final = 20
CIRCLES: Final = """
    WITH RECURSIVE up(start, at, depth) AS (
        SELECT id, manager_id, 1 FROM people_person WHERE manager_id IS NOT NULL
        UNION ALL
        SELECT up.start, p.manager_id, depth + 1 FROM up JOIN people_person p ON p.id = up.at
         WHERE p.manager_id IS NOT NULL AND up.at <> up.start AND depth < 70)
    SELECT count(*) FROM up WHERE at = start
"""
OWNERS: Final = """
    SELECT count(*) FROM people_person p JOIN people_tenant t ON t.id = p.tenant_id
     WHERE t.slug = %s AND p.state = 'active' AND p.role = 'BUSINESS_OWNER'
"""


class Racers:
    """Clients of one connection that send at the same moment."""

    def __init__(self, stack: Stack, provider: str) -> None:
        self.stack = stack
        self.connected = stack.connect(provider=provider)
        self.clients = [ScimClient(self.connected) for _ in range(AT_ONCE)]

    def race(self, calls: Sequence[Call]) -> list[httpx.Response]:
        """Send the calls at once; return their answers in the same order."""
        barrier = Barrier(len(calls))

        def send(client: ScimClient, call: Call) -> httpx.Response:
            barrier.wait()
            return client.send(*call)

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(send, self.clients, calls))

    def add(self, **more: Any) -> str:
        """Create somebody, and return their id."""
        answer = self.clients[0].send("POST", "/Users", user(uuid4().hex, **more))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def run(stack: Stack, *, names: int, rings: int, pairs: int) -> Outcome:
    """Race for names, in rings of managers, and of pairs of Owners."""
    racers = Racers(stack, "okta")
    faults = Counter(
        names=_names(racers, names), circles=_circles(racers, rings), owners=_owners(racers, pairs)
    )
    size = f"{names} names x {AT_ONCE}, {rings} rings, {pairs} pairs of Owners"
    result = ", ".join(f"{name}: {count} wrong" for name, count in faults.items())
    return Outcome("Races", size, result, not faults.total())


def _names(racers: Racers, count: int) -> int:
    """Create each name many times at once: one is created, all others are 409 uniqueness."""
    wrong = 0
    for _ in range(count):
        local = uuid4().hex
        base = f"Ünï.{local}@acme.example"
        forms = (base, base.upper(), base.lower(), base.replace("Ü", "U\u0308"))
        calls: list[Call] = [
            ("POST", "/Users", user(local, userName=forms[number % len(forms)]))
            for number in range(AT_ONCE)
        ]
        answers = racers.race(calls)
        created = sum(answer.status_code == 201 for answer in answers)
        refused = [answer.json() for answer in answers if answer.status_code == 409]
        is_unique = all(document.get("scimType") == "uniqueness" for document in refused)
        email = f"{local}@acme.example"
        found = racers.stack.value("SELECT count(*) FROM people_person WHERE email = %s", email)
        wrong += (created, len(refused), found, is_unique) != (1, AT_ONCE - 1, 1, True)
    return wrong


def _circles(racers: Racers, count: int) -> int:
    """Make rings of people each other's managers at once: there is never a circle."""
    ids = [racers.add() for _ in range(12)]
    chance, wrong = random.Random(5), 0
    for _ in range(count):
        ring = chance.sample(ids, chance.choice([2, 2, 3, 4]))
        calls: list[Call] = [
            ("PATCH", f"/Users/{one}", patch(replace(f"{ENTERPRISE}:manager", {"value": boss})))
            for one, boss in zip(ring, [*ring[1:], ring[0]], strict=True)
        ]
        answers = racers.race(calls)
        is_broken = any(answer.status_code >= 500 for answer in answers)
        wrong += is_broken or bool(racers.stack.value(CIRCLES))
        for one in ring:
            racers.clients[0].send(
                "PATCH", f"/Users/{one}", patch({"op": "remove", "path": f"{ENTERPRISE}:manager"})
            )
    return wrong


def _owners(racers: Racers, count: int) -> int:
    """Deactivate, delete or demote the only two Owners at once: one of them stays."""
    wrong = 0
    for number in range(count):
        two = [racers.add() for _ in range(2)]
        _make_the_only_owners(racers, two)
        ways = WAYS[number % len(WAYS)], WAYS[number // len(WAYS) % len(WAYS)]
        answers = racers.race([way(one) for way, one in zip(ways, two, strict=True)])
        left = racers.stack.value(OWNERS, racers.connected.tenant)
        wrong += left == 0 or any(answer.status_code >= 500 for answer in answers)
    return wrong


def _make_the_only_owners(racers: Racers, ids: list[str]) -> None:
    """Set it in the database, because nobody may do it over SCIM."""
    mine = "SELECT person_id FROM scim_scimuser WHERE scim_id = ANY(%s::uuid[])"
    tenant = "(SELECT id FROM people_tenant WHERE slug = %s)"
    racers.stack.rows(
        f"UPDATE people_person SET role = 'BUSINESS_USER' WHERE tenant_id = {tenant}"  # noqa: S608
        f" AND id NOT IN ({mine}) RETURNING 1",
        racers.connected.tenant,
        ids,
    )
    racers.stack.rows(
        "UPDATE people_person SET role = 'BUSINESS_OWNER', state = 'active', joined_at = now()"  # noqa: S608
        f" WHERE id IN ({mine}) RETURNING 1",
        ids,
    )


WAYS: Final[tuple[Callable[[str], Call], ...]] = (
    lambda one: ("PATCH", f"/Users/{one}", patch(replace("active", value=False))),
    lambda one: ("DELETE", f"/Users/{one}", None),
    lambda one: (
        "PATCH",
        f"/Users/{one}",
        patch(replace("roles", [{"type": "rampUserRole", "value": "BUSINESS_USER"}])),
    ),
    lambda one: ("PUT", f"/Users/{one}", user(uuid4().hex, active=False)),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.races", description=__doc__)
    parser.add_argument("--names", type=int, default=200)
    parser.add_argument("--rings", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=100)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
