"""Signals arrive while web processes, workers and Redis are killed: is each applied once?

One company's transmitter pushes, and tries each signal again until it is accepted. Another's is
polled. Each signal is “session-revoked”, which leaves one event about the person.
"""

import argparse
import time
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from itertools import cycle

from tests.faults.outcome import Outcome, finish
from tests.faults.revocation import World
from tests.faults.stack import Stack
from tests.services.process import within
from tests.services.signal_transmitter import CAEP

PEOPLE = 10
SECONDS = 300
EFFECTS = """
    SELECT count(*) FROM people_event e JOIN people_tenant t ON t.id = e.tenant_id
     WHERE t.slug = %s AND e.kind = 'person.sessions-ended'
"""
DUE_NOW = "UPDATE provisioning_transmitterstream SET due_at = now() RETURNING 1"
SERVE = """
from celery import current_app
current_app.send_task("provisioning.tasks.serve_signal_streams", retry=False)
"""


def run(stack: Stack, *, signals: int, deaths: int) -> Outcome:
    """Send so many signals each way, and kill something in each share of them."""
    with ExitStack() as at_the_end:
        pushing, polled = World(stack), World(stack, delivery="poll")
        tokens = {}
        for world in (pushing, polled):
            at_the_end.callback(world.close)
            people = cycle(world.make(PEOPLE))
            subjects = [world.subject_of(next(people)) for _ in range(signals)]
            tokens[world.delivery] = [
                world.transmitter.sign(world.transmitter.claims(f"{CAEP}session-revoked", subject))
                for subject in subjects
            ]
        for number in range(deaths):
            for token in tokens["poll"][number::deaths]:
                polled.transmitter.queue(token)
            _serve(stack)
            _push_and_kill(stack, pushing, tokens["push"][number::deaths], number)
            _poll_the_rest(stack, polled)
        effects = {
            world.delivery: stack.value(EFFECTS, world.tenant) for world in (pushing, polled)
        }
    waiting = len(polled.transmitter.waiting)
    result = ", ".join(f"{done:,} applied of {signals:,} by {way}" for way, done in effects.items())
    result += f", {waiting} not acknowledged, {len(polled.transmitter.refused)} refused"
    holds = set(effects.values()) == {signals} and not waiting
    return Outcome("Signals", f"{2 * signals:,} signals, {deaths} deaths", result, holds)


def _push_and_kill(stack: Stack, world: World, tokens: list[str], number: int) -> None:
    """Push each token until it is accepted; kill something after the first."""
    for index, token in enumerate(tokens):
        within(SECONDS, partial(_is_accepted, world, token))
        if not index:
            within(SECONDS, partial(_kill, stack, number))


def _is_accepted(world: World, token: str) -> bool:
    try:
        return world.transmitter.push(token)[0] == 202
    except (OSError, HTTPException):
        return False


def _kill(stack: Stack, number: int) -> bool:
    """Kill one web process, the worker or Redis in turn; tell whether it ran."""
    match number % 3:
        case 0:
            return stack.kill_child("web", number)
        case 1:
            return stack.kill_program("worker")
    stack.redis.kill()
    stack.redis.restart()
    return True


def _poll_the_rest(stack: Stack, polled: World) -> None:
    """Have the worker poll until the transmitter has nothing left."""
    ends_at = time.monotonic() + SECONDS
    while polled.transmitter.waiting and time.monotonic() < ends_at:
        _serve(stack)
        time.sleep(0.5)


def _serve(stack: Stack) -> None:
    """Make the streams due, and wake the task that polls."""
    stack.rows(DUE_NOW)
    stack.server.manage("shell", "-v", "0", "-c", SERVE)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.received_signals", description=__doc__
    )
    parser.add_argument("--signals", type=int, default=500)
    parser.add_argument("--deaths", type=int, default=9)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, signals=wanted.signals, deaths=wanted.deaths))


if __name__ == "__main__":
    main()
