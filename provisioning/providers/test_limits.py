"""Rate limit for connection tests: each test sends requests to another server."""

from typing import Final

from django.core.cache import cache

from provisioning.models import IdentityProvider

PER_MINUTE: Final = 10


def allow_test(provider: IdentityProvider) -> bool:
    """Book a try of the tenant's, and tell whether there were few enough in the last minute."""
    key = f"provider-trials:{provider.tenant_id}"
    cache.add(key, 0, timeout=60)
    try:
        return cache.incr(key) <= PER_MINUTE
    except ValueError:  # The minute was over in between.
        return True
