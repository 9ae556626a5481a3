"""Programs that live but do nothing: does the supervisor replace them?

Each program is frozen by SIGSTOP, as a deadlock or a lost connection may freeze it: the worker,
beat, one web process of several, and all web processes at once. The supervisor has to replace
it, and /readyz has to report that everything works again.
"""

import argparse
import signal
import time
from collections.abc import Callable

from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.services.process import is_running, within

MAX_SECONDS = 90.0
Freeze = Callable[[Stack], list[int]]


def _freeze_program(name: str) -> Freeze:
    return lambda stack: stack.signal_program(name, signal.SIGSTOP)


def _freeze_web_process(stack: Stack) -> list[int]:
    return stack.signal_child("web", 0, signal.SIGSTOP)


FREEZES: dict[str, Freeze] = {
    "worker": _freeze_program("worker"),
    "beat": _freeze_program("beat"),
    "one web process": _freeze_web_process,
    "web": _freeze_program("web"),
}


def run(stack: Stack, *, rounds: int, names: list[str]) -> Outcome:
    """Freeze each of these so many times, and measure how long it takes to be replaced."""
    took: list[float] = []
    stayed = 0
    for _ in range(rounds):
        for name in names:
            frozen = FREEZES[name](stack)
            began = time.monotonic()
            try:
                within(MAX_SECONDS, lambda pids=frozen: _is_replaced(stack, pids))  # type: ignore[misc]
                took.append(time.monotonic() - began)
                print(f"{name}: replaced after {took[-1]:.0f} s", flush=True)
            except AssertionError:
                stayed += 1
                print(f"{name}: NOT replaced", flush=True)
    result = f"{stayed} not replaced; others after {max(took, default=0):.0f} s at most"
    size = f"{rounds * len(names)} freezes"
    return Outcome("Frozen programs", size, result, not stayed)


def _is_replaced(stack: Stack, pids: list[int]) -> bool:
    return not any(map(is_running, pids)) and stack.server.is_ready()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.frozen", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, rounds=wanted.rounds, names=list(FREEZES)))


if __name__ == "__main__":
    main()
