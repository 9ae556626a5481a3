"""A circuit breaker: after several failures, Ramp stops calling a server for a while.

Otherwise every sign-in would wait for the timeout.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter

FAILURES_UNTIL_OPEN: Final = 3
OPEN_SECONDS: Final = 30

OPENINGS: Final = Counter(
    "ramp_circuit_openings", "How often a process stopped calling a server that had failed."
)

_lock = threading.Lock()
# By server: the number of failures in a row, and the time from which calls are allowed again.
_known: dict[str, tuple[int, float]] = {}


class CircuitOpen(Exception):
    """The server failed several times in a row, a moment ago."""


@contextmanager
def circuit(server: str, *failures: type[Exception]) -> Iterator[None]:
    """Run the block, which calls the server, and count the given exceptions as failures.

    :raises CircuitOpen: without running the block, if the server failed several times just now.
    """
    count, again_at = _known.get(server, (0, 0.0))
    if count >= FAILURES_UNTIL_OPEN and time.monotonic() < again_at:
        raise CircuitOpen(server)
    try:
        yield
    except failures:
        with _lock:
            count = _known.get(server, (0, 0.0))[0] + 1
            _known[server] = (count, time.monotonic() + OPEN_SECONDS)
        if count >= FAILURES_UNTIL_OPEN:
            OPENINGS.inc()
        raise
    else:
        reset(server)


def reset(server: str) -> None:
    """Allow calls to the server again."""
    with _lock:
        _known.pop(server, None)
