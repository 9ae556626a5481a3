"""Redis restarts again and again while people come in: do the workers take up their work?

An acknowledgement that fails while Redis is away can leave a Celery worker alive but deaf. In
each round people come in by SCIM, Redis is killed and stays away for a moment; afterwards every
mail that is due has to be sent, and /readyz has to report a working worker.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import uuid4

from tests.faults.outcome import Outcome, finish
from tests.faults.provider import ScimClient, user
from tests.faults.stack import Stack
from tests.services.db import Connected

MAILS_DUE = """
    SELECT count(*) FROM people_mail
     WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= now()
"""
MAX_SECONDS = 60.0


def run(stack: Stack, *, rounds: int, seconds: float, away: float, rate: float) -> Outcome:
    """Restart Redis so many times under load, and count the rounds after which work stood still.

    :param seconds: how long people come in before Redis goes.
    :param away: how long it stays away, in seconds.
    :param rate: how many people come in each second.
    """
    connected = stack.connect(provider="okta")
    took: list[float] = []
    stuck = 0
    for number in range(1, rounds + 1):
        with _people_coming_in(connected, rate):
            time.sleep(seconds)
            stack.redis.kill()
            time.sleep(away)
            stack.redis.restart()
            back_at = time.monotonic()
            time.sleep(seconds / 2)
        if _all_done(stack, until=back_at + MAX_SECONDS):
            took.append(time.monotonic() - back_at)
            print(f"{number}: all mail sent {took[-1]:.0f} s after Redis was back", flush=True)
        else:
            stuck += 1
            print(f"{number}: STUCK, {stack.value(MAILS_DUE)} mails are due", flush=True)
            stack.kill_program("worker")
    result = f"{stuck} stuck; all mail sent {max(took, default=0):.0f} s later at most"
    return Outcome("Workers after a Redis outage", f"{rounds} outages", result, not stuck)


@contextmanager
def _people_coming_in(connected: Connected, rate: float) -> Iterator[None]:
    is_over = Event()
    thread = Thread(target=_bring_in, args=(connected, rate, is_over))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _bring_in(connected: Connected, rate: float, is_over: Event) -> None:
    client = ScimClient(connected)
    while not is_over.wait(1 / rate):
        assert client.send("POST", "/Users", user(uuid4().hex)).status_code == 201


def _all_done(stack: Stack, *, until: float) -> bool:
    """Wait until no mail is due and /readyz reports that everything works."""
    while stack.value(MAILS_DUE) or not stack.server.is_ready():
        if time.monotonic() > until:
            return False
        time.sleep(0.25)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.zombies", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6, help="load before each outage")
    parser.add_argument("--away", type=float, default=2, help="length of an outage in seconds")
    parser.add_argument("--rate", type=float, default=10, help="people a second")
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
