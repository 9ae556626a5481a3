"""Ramp reloads while a provider writes: is a connection refused, or an answered write lost?

Each request opens a connection of its own. A reload replaces all web processes, the worker and
beat.
"""

import argparse
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import httpx

from tests.bench.walk import user
from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack, children_of
from tests.services.db import Connected
from tests.services.process import programs, within
from tests.services.server import Server

SENDERS = 2
SECONDS = 120
UNANSWERED = "RemoteProtocolError"
STORED = """
    SELECT count(*) FROM scim_scimuser u JOIN people_tenant t ON t.id = u.tenant_id
     WHERE t.slug = %s AND u.deleted_at IS NULL
"""


def run(stack: Stack, *, reloads: int) -> Outcome:
    """Reload so often while senders create users; count refusals and what is stored."""
    company, is_over, numbers = stack.connect(), Event(), count()
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, stack, company, numbers, is_over) for _ in range(SENDERS)]
        try:
            for _ in range(reloads):
                reload(stack.server)
        finally:
            is_over.set()
        answers = [answer for sender in senders for answer in sender.result()]
    unanswered = answers.count(UNANSWERED)
    created = answers.count("201")
    refused = len(answers) - created - unanswered
    stored = stack.value(STORED, company.tenant)
    result = f"{refused} refused, {unanswered} unanswered, {created - stored} lost"
    # A connection that a web process has just accepted when it ends is closed unanswered.
    is_rare = unanswered <= reloads * len(stack.children_of("web"))
    holds = bool(created) and not refused and created <= stored <= created + unanswered and is_rare
    return Outcome("Reloads", f"{len(answers)} users, {reloads} reloads", result, holds)


def _send(stack: Stack, company: Connected, numbers: Iterator[int], is_over: Event) -> list[str]:
    """Create one user after another; return each status, or the error of the connection."""
    answers = []
    headers = {
        "Authorization": f"Bearer {company.token}",
        "Content-Type": "application/scim+json",
    }
    while not is_over.is_set():
        person = user(f"reload-{next(numbers)}")
        try:
            answer = httpx.post(
                f"{stack.server.scim_url}/Users", json=person, headers=headers, timeout=30
            )
        except httpx.HTTPError as error:
            answers.append(type(error).__name__)
        else:
            answers.append(str(answer.status_code))
    return answers


def reload(server: Server) -> None:
    """Reload, and wait until no process of before is left."""
    before = _processes(server)
    os.kill(server.process.pid, signal.SIGHUP)
    within(SECONDS, lambda: before.isdisjoint(_processes(server)) and server.is_ready())


def _processes(server: Server) -> set[int]:
    running = programs(server)
    others = {pid for name, pid in running.items() if name != "web"}
    return {*children_of(server, "web"), *others}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.reloads", description=__doc__)
    parser.add_argument("--reloads", type=int, default=20)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, reloads=wanted.reloads))


if __name__ == "__main__":
    main()
