"""A server that does not answer is left alone for a while, so that nobody else waits for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FAILURES_UNTIL_OPEN: Final = 3
OPEN_SECONDS: Final = 30

_lock = threading.Lock()
# By server: how often in a row it failed, and when it may be asked again.
_known: dict[str, tuple[int, float]] = {}


class CircuitOpen(Exception):
    """The server failed several times in a row, a moment ago."""


@contextmanager
def circuit(server: str, *failures: type[Exception]) -> Iterator[None]:
    """Ask the server in the block, unless it failed just now; note whether it fails.

    :raises CircuitOpen: if it is not to be asked.
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
        raise
    else:
        reset(server)


def reset(server: str) -> None:
    """Ask the server again from now on."""
    with _lock:
        _known.pop(server, None)
