"""Rate limit for connection tests: each test sends requests to another server."""

from typing import Final

from django.core.cache import cache

from people import tenancy

PER_MINUTE: Final = 10


def allow_test() -> bool:
    """Count a test of the tenant in force; return False if there were too many in a minute."""
    key = f"provider-trials:{tenancy.current_id()}"
    cache.add(key, 0, timeout=60)
    try:
        return cache.incr(key) <= PER_MINUTE
    except ValueError:  # The key has expired between the two calls.
        return True
