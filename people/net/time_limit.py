"""A limit for all requests that are sent for one page, beside the limit of each request."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# By the monotonic clock.
_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let the requests of the block take so long together. An outer limit holds as well."""
    before = _ends_at.set(min(_ends_at.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends_at.reset(before)


def seconds_left() -> float:
    """Return how long a further request may take: 0 if the time is over, infinity without limit."""
    return max(_ends_at.get() - time.monotonic(), 0)
