"""A sign-in provider revokes people who are busy: how soon is everything dead?

Each person has a session, an API token and a card. In turn, one is revoked by Universal Logout, one
by the signal “session-revoked” and one by “account-disabled”, which deactivates, while other
requests keep the web processes busy. A survivor is a request that began after the answer to the
revocation arrived, and succeeded. Each try opens a connection of its own, so that any of the web
processes may get it.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx

from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, signed
from tests.services.signal_transmitter import CAEP, RISC, Transmitter

SENDERS = 4
TRIES_AFTER = 3
BUSY = 2
# Only a deactivation ends the use of cards.
WAYS_IN = ("session", "token", "card")


@dataclass(frozen=True)
class Revoked:
    """What became of one person."""

    # What did not work before, although it should have.
    never_worked: set[str]
    # From sending the request until the answer, in seconds.
    took: float
    survivors: list[str]


@dataclass
class World:
    """One company with its sign-in provider, and the people who are in."""

    stack: Stack
    delivery: str = "push"
    openid: OpenIdProvider = field(default_factory=OpenIdProvider)
    transmitter: Transmitter = field(default_factory=Transmitter)

    def make(self, people: int) -> list[dict[str, str]]:
        """Let people sign in; return what each is in with."""
        server, company = self.stack.server, self.stack.connect()
        definition = self.stack.folder / "provider.json"
        values = {"kind": "oidc", "name": "Corp", "issuer": self.openid.url}
        values |= {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        definition.write_text(json.dumps(values))
        added = server.manage("add_identity_provider", company.tenant, "--file", str(definition))
        provider = json.loads(added)["id"]
        made = server.manage(
            "shell",
            *("-v", "0", "-c"),
            "from tests.faults.busy_people import print_signed_in;"
            f"print_signed_in({company.tenant!r}, {provider!r}, {self.transmitter.issuer!r},"
            f" {self.delivery!r}, people={people})",
        )
        found = json.loads(made)
        self.tenant = company.tenant
        self.owner = {"Authorization": f"Bearer {found['owner_token']}"}
        self.logout_url = f"{server.url}/sign-in/{company.tenant}/{provider}"
        self.logout_url += "/global-token-revocation/"
        everybody: list[dict[str, str]] = found["people"]
        return everybody

    def close(self) -> None:
        self.openid.stop()
        self.transmitter.stop()

    def subject_of(self, person: dict[str, str]) -> dict[str, str]:
        return {"format": "iss_sub", "iss": self.openid.url, "sub": person["subject"]}

    def is_in(self, person: dict[str, str], way: str) -> bool:
        match way:
            case "session":
                return self._gets("/home/", {"Cookie": f"sessionid={person['session']}"})
            case "token":
                return self._gets("/api/v1/people", {"Authorization": f"Bearer {person['token']}"})
        purchase = {"card": person["card"], "amount": 1, "currency": "EUR", "merchant": "x"}
        url = f"{self.stack.server.url}/api/v1/authorizations"
        answer = _post(url, headers=self.owner, json=purchase)
        return answer.status_code == 201 and bool(answer.json()["approved"])

    def _gets(self, path: str, headers: dict[str, str]) -> bool:
        url = f"{self.stack.server.url}{path}"
        answer = httpx.get(url, headers=headers, timeout=60, trust_env=False)
        return answer.status_code == 200

    def log_out(self, subject: dict[str, str]) -> None:
        now = int(time.time())
        claims = {
            "iss": self.openid.url,
            "aud": self.logout_url,
            "iat": now,
            "exp": now + 300,
            "jti": uuid4().hex,
        }
        headers = {"Authorization": f"Bearer {signed(claims)}"}
        answer = _post(self.logout_url, headers=headers, json={"sub_id": subject})
        assert answer.status_code == 204, answer.text

    def revoke_session(self, subject: dict[str, str]) -> None:
        status, result = self.transmitter.send(f"{CAEP}session-revoked", subject)
        assert status == 202, result

    def disable(self, subject: dict[str, str]) -> None:
        status, result = self.transmitter.send(f"{RISC}account-disabled", subject)
        assert status == 202, result

    def revoke(self, number: int, person: dict[str, str]) -> Revoked:
        """Revoke a person, and try all ways in before and after."""
        signals: list[tuple[Callable[[dict[str, str]], None], tuple[str, ...]]] = [
            (self.log_out, WAYS_IN[:2]),
            (self.revoke_session, WAYS_IN[:2]),
            (self.disable, WAYS_IN),
        ]
        send, ways = signals[number % len(signals)]
        never_worked = {way for way in ways if not self.is_in(person, way)}
        subject = self.subject_of(person)
        began_at = time.monotonic()
        send(subject)
        took = time.monotonic() - began_at
        tries = [way for _ in range(TRIES_AFTER) for way in ways]
        return Revoked(never_worked, took, [way for way in tries if self.is_in(person, way)])

    def keep_busy(self, is_over: Event) -> None:
        """Read as somebody does who is not revoked."""
        with httpx.Client(base_url=self.stack.server.url, timeout=60, trust_env=False) as http:
            while not is_over.is_set():
                assert http.get("/api/v1/people", headers=self.owner).status_code == 200


def run(stack: Stack, *, people: int) -> Outcome:
    """Revoke so many people, and count what survives."""
    world = World(stack)
    with ExitStack() as at_the_end:
        at_the_end.callback(world.close)
        everybody = world.make(people)
        is_over = Event()
        busy = [Thread(target=world.keep_busy, args=[is_over]) for _ in range(BUSY)]
        for thread in busy:
            thread.start()
            at_the_end.callback(thread.join)
        at_the_end.callback(is_over.set)
        with ThreadPoolExecutor(SENDERS) as pool:
            found = list(pool.map(world.revoke, range(people), everybody))
    return _judge(found)


def _judge(found: list[Revoked]) -> Outcome:
    took = [one.took for one in found]
    survivors = [way for one in found for way in one.survivors]
    never_worked = set().union(*(one.never_worked for one in found))
    result = f"{len(survivors)} survivors; answers after {statistics.median(took):.2f} s, "
    result += f"p99 {statistics.quantiles(took, n=100)[-1]:.2f} s"
    if never_worked:
        # A way in that never worked proves nothing.
        result += f"; did not work before: {sorted(never_worked)}"
    return Outcome(
        "Revoked at once", f"{len(found):,} people", result, not (survivors or never_worked)
    )


def _post(url: str, **options: Any) -> httpx.Response:
    return httpx.post(url, timeout=60, trust_env=False, **options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.revocation", description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, people=wanted.people))


if __name__ == "__main__":
    main()
