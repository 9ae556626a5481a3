"""Rate limit for connection tests: each test sends requests to another server."""

from typing import Final

from people import rate_limits, tenancy

PER_MINUTE: Final = 10


def allow_test() -> bool:
    """Count a test of the tenant in force; return False if there were too many in a minute."""
    name = f"connection-tests:{tenancy.current_id()}"
    return rate_limits.count(name, seconds=60) <= PER_MINUTE
