"""A circuit breaker: after several failures, Ramp stops calling a server for a while.

Otherwise every sign-in would wait for the timeout. All processes share what they know of a server
through Django's cache: they do not each wait for it three times, and a reset counts for all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.cache import cache
from prometheus_client import Counter

FAILURES_UNTIL_OPEN: Final = 3
OPEN_SECONDS: Final = 30
# After this time without a failure, the count is reset.
MEMORY_SECONDS: Final = 3600

OPENINGS: Final = Counter(
    "ramp_circuit_openings", "How often a process stopped calling a server that had failed."
)


class CircuitOpen(Exception):
    """The server failed several times in a row, a moment ago."""


@contextmanager
def circuit(server: str, *failures: type[Exception]) -> Iterator[None]:
    """Run the block, which calls the server, and count the given exceptions as failures.

    :raises CircuitOpen: without running the block, if the server failed several times just now.
    """
    if cache.get(_open_key(server)):
        raise CircuitOpen(server)
    try:
        yield
    except failures:
        # A failure after the circuit was open opens it again.
        if _count_failure(server) >= FAILURES_UNTIL_OPEN:
            cache.set(_open_key(server), 1, OPEN_SECONDS)
            OPENINGS.inc()
        raise
    else:
        reset(server)


def reset(server: str) -> None:
    """Allow calls to the server again."""
    cache.delete_many([_open_key(server), _failures_key(server)])


def _count_failure(server: str) -> int:
    key = _failures_key(server)
    cache.add(key, 0, MEMORY_SECONDS)
    try:
        failures = cache.incr(key)
    except ValueError:  # Another process has reset the count between the two calls.
        return 1
    cache.touch(key, MEMORY_SECONDS)
    return failures


def _open_key(server: str) -> str:
    return f"circuit-open:{server}"


def _failures_key(server: str) -> str:
    return f"circuit-failures:{server}"
