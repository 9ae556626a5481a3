"""A sign-in provider revokes people who are busy: how soon is everything dead?

Each person has a session and an API token, and Universal Logout is requested for each of them
while other requests keep the web processes busy. A survivor is a request that began after the
answer to the revocation arrived, and succeeded. Each try opens a connection of its own, so that
any of the web processes may get it.
"""

import argparse
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from threading import Event, Thread
from typing import Any

import httpx

from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, signed

SENDERS = 4
TRIES_AFTER = 3
BUSY = 2


@dataclass(frozen=True)
class Revoked:
    """What became of one person."""

    was_in: bool
    # From sending the request until the answer, in seconds.
    took: float
    survivors: int


def run(stack: Stack, *, people: int) -> Outcome:
    """Revoke so many people, and count what survives."""
    openid = OpenIdProvider()
    with ExitStack() as at_the_end:
        at_the_end.callback(openid.stop)
        world = _made(stack, openid, people)
        is_over = Event()
        at_the_end.callback(is_over.set)
        busy = [Thread(target=_keep_busy, args=(stack, world, is_over)) for _ in range(BUSY)]
        for thread in busy:
            thread.start()
        with ThreadPoolExecutor(SENDERS) as pool:
            numbers = zip(world["people"], count())
            outcomes = list(pool.map(lambda one: _revoke(stack, openid, world, *one), numbers))
        is_over.set()
        for thread in busy:
            thread.join()
    took = sorted(one.took for one in outcomes)
    survivors = sum(one.survivors for one in outcomes)
    not_in = sum(not one.was_in for one in outcomes)
    p99 = statistics.quantiles(took, n=100)[-1]
    result = f"{survivors} survivors of {len(took) * TRIES_AFTER * 2:,} tries after the answer; "
    result += f"answer after {statistics.median(took):.2f} s, p99 {p99:.2f} s"
    if not_in:
        result += f"; {not_in} were not signed in before"
    return Outcome("Revoked at once", f"{people:,} people", result, not survivors and not not_in)


def _made(stack: Stack, openid: OpenIdProvider, people: int) -> dict[str, Any]:
    company = stack.connect()
    definition = stack.folder / "provider.json"
    definition.write_text(
        json.dumps(
            {
                "kind": "oidc",
                "name": "Corp",
                "issuer": openid.url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            }
        )
    )
    added = stack.server.manage("add_identity_provider", company.tenant, "--file", str(definition))
    provider = json.loads(added)["id"]
    code = (
        "from tests.faults.busy_people import print_signed_in;"
        f"print_signed_in({company.tenant!r}, {provider!r}, people={people})"
    )
    said = json.loads(stack.server.manage("shell", "-v", "0", "-c", code))
    path = f"/sign-in/{company.tenant}/{provider}/global-token-revocation/"
    made: dict[str, Any] = said | {"url": stack.server.url + path}
    return made


def _revoke(
    stack: Stack, openid: OpenIdProvider, world: dict[str, Any], person: dict[str, str], number: int
) -> Revoked:
    was_in = _ways_in(stack, person) == 2
    now = int(time.time())
    claims = {
        "iss": openid.url,
        "aud": world["url"],
        "iat": now,
        "exp": now + 300,
        "jti": f"revocation {number}",
    }
    subject = {"format": "iss_sub", "iss": openid.url, "sub": person["subject"]}
    began_at = time.monotonic()
    answer = httpx.post(
        world["url"],
        json={"sub_id": subject},
        headers={"Authorization": f"Bearer {signed(claims)}"},
        timeout=30,
        trust_env=False,
    )
    took = time.monotonic() - began_at
    assert answer.status_code == 204, answer.text
    return Revoked(was_in, took, sum(_ways_in(stack, person) for _ in range(TRIES_AFTER)))


def _ways_in(stack: Stack, person: dict[str, str]) -> int:
    """Count how many of the person's session and token still work."""
    tries = {
        "/home/": {"Cookie": f"sessionid={person['session']}"},
        "/api/v1/people?page_size=1": {"Authorization": f"Bearer {person['token']}"},
    }
    return sum(
        httpx.get(stack.server.url + path, headers=headers, timeout=30, trust_env=False).status_code
        == 200
        for path, headers in tries.items()
    )


def _keep_busy(stack: Stack, world: dict[str, Any], is_over: Event) -> None:
    """Read as somebody does who is not revoked."""
    headers = {"Authorization": f"Bearer {world['owner_token']}"}
    with httpx.Client(base_url=stack.server.url, timeout=30, trust_env=False) as http:
        while not is_over.is_set():
            assert http.get("/api/v1/people", headers=headers).status_code == 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.revocation", description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, people=wanted.people))


if __name__ == "__main__":
    main()
