"""SCIM deactivates people while they use everything they have: does anything still work?

Each person uses many sessions and API tokens without pause, and purchases are made with their
card, over several web processes. A survivor is a request that began after the answer to the
deactivation arrived, and succeeded; or a purchase approved in a transaction that committed after
the deactivation's.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ScimClient, patch, replace, user
from tests.faults.stack import Stack

USERS_OF = {"session": 4, "token": 2, "purchase": 4}
LATE_PURCHASES = """
    SELECT count(*) FROM people_authorization a
     WHERE a.card_id = %s AND a.is_approved AND pg_xact_commit_timestamp(a.xmin) > (
           SELECT max(pg_xact_commit_timestamp(e.xmin)) FROM people_event e
            WHERE e.person_id = %s AND e.kind = 'person.deactivated')
"""


@dataclass(frozen=True)
class Use:
    """One request: what it used, when it began, and whether it succeeded."""

    what: str
    began_at: float
    succeeded: bool


def run(stack: Stack, *, people: int, sessions: int, tokens: int, seconds: float) -> Outcome:
    """Deactivate so many people in the middle of what they do, and count what survives."""
    connected = stack.connect(provider="okta")
    client = ScimClient(connected)
    ids = {}
    for _ in range(people):
        created = client.send("POST", "/Users", user(uuid4().hex)).json()
        ids[created["userName"]] = created["id"]
    code = (
        "from tests.faults.busy_people import print_access;"
        f"print_access({connected.tenant!r}, sessions={sessions}, tokens={tokens})"
    )
    content = json.loads(stack.server.manage("shell", "-v", "0", "-c", code))
    uses: list[Use] = []
    survivors = 0
    unused: Counter[str] = Counter()
    for person in content["people"]:
        mine, done_at = _deactivate(
            stack, client, ids[person["email"]], person, content["owner_token"], seconds
        )
        uses += [use for use in mine if use.began_at > done_at]
        survivors += sum(use.succeeded for use in mine if use.began_at > done_at)
        survivors += stack.value(LATE_PURCHASES, person["card"], person["id"])
        good = Counter(use.what for use in mine if use.succeeded)
        unused.update(what for what in USERS_OF if not good[what])
        print(
            f"{person['email']}: successes before {dict(good)}, survivors {survivors}", flush=True
        )
    result = f"{survivors} survivors of {len(uses):,} tries after the answer"
    if unused:
        # A way in that never worked proves nothing.
        result += f"; never worked before: {dict(unused)}"
    size = f"{people} people with {sessions} sessions, {tokens} tokens and a card each"
    return Outcome("Dead at once", size, result, not survivors and not unused)


def _deactivate(
    stack: Stack,
    client: ScimClient,
    scim_id: str,
    person: dict[str, Any],
    owner_token: str,
    seconds: float,
) -> tuple[list[Use], float]:
    """Deactivate the person while they are busy; return what they did, and when it was done."""
    is_over, uses = Event(), list[Use]()
    threads = [
        Thread(target=_use, args=(stack, what, number, person, owner_token, is_over, uses))
        for what, users in USERS_OF.items()
        for number in range(users)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    answer = client.send("PATCH", f"/Users/{scim_id}", patch(replace("active", value=False)))
    done_at = time.monotonic()
    assert answer.status_code in (200, 204)
    time.sleep(seconds)
    is_over.set()
    for thread in threads:
        thread.join()
    return uses, done_at


def _use(  # noqa: PLR0917  the arguments of a thread
    stack: Stack,
    what: str,
    first: int,
    person: dict[str, Any],
    owner_token: str,
    is_over: Event,
    uses: list[Use],
) -> None:
    with httpx.Client(base_url=stack.server.url, timeout=30, trust_env=False) as http:
        for number in count(first):
            if is_over.is_set():
                return
            began_at = time.monotonic()
            match what:
                case "session":
                    key = person["sessions"][number % len(person["sessions"])]
                    answer = http.get("/home/", headers={"Cookie": f"sessionid={key}"})
                    succeeded = answer.status_code == 200
                case "token":
                    token = person["tokens"][number % len(person["tokens"])]
                    answer = http.get(
                        "/api/v1/people", headers={"Authorization": f"Bearer {token}"}
                    )
                    succeeded = answer.status_code == 200
                case _:
                    purchase = {
                        "card": person["card"],
                        "amount": 1,
                        "currency": "EUR",
                        "merchant": "x",
                    }
                    answer = http.post(
                        "/api/v1/authorizations",
                        headers={"Authorization": f"Bearer {owner_token}"},
                        json=purchase,
                    )
                    succeeded = answer.status_code == 201 and answer.json()["approved"]
            uses.append(Use(what, began_at, succeeded))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.dead", description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=2.5, help="before and after")
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
