"""Counts for rate limits, which all processes share through Django's cache."""

import time
from contextlib import suppress

from django.core.cache import cache


def count(name: str, *, seconds: int) -> int:
    """Count one use in the present window of so many seconds, and return the number so far.

    Windows begin at the same time for all processes, at multiples of their length.
    """
    key = f"count:{name}:{int(time.time() // seconds)}"
    for _ in range(2):
        # ValueError: the key is unknown. `incr` first, because most windows have more than one use.
        with suppress(ValueError):
            return cache.incr(key)
        if cache.add(key, 1, timeout=2 * seconds):
            return 1
        # Another process was faster.
    return 1


def seconds_left(seconds: int) -> int:
    """Return how long the present window lasts, rounded up."""
    return seconds - int(time.time() % seconds)
