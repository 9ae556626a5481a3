"""Advisory locks for sign-in.

Each is held until the transaction ends. SQLite has one writer at a time, so there the
transaction itself is the lock.
"""

from django.db import connection

from provisioning.models import IdentityProvider


def lock_subject(provider: IdentityProvider, subject: str) -> None:
    """Serialize the first sign-ins of a subject: the second one must find the first's identity."""
    _lock("pg_advisory_xact_lock", f"{provider.pk}/{subject}")


def lock_provider_shared(provider: IdentityProvider) -> None:
    """Keep the provider and its mappings from being removed while roles are synced.

    Otherwise a deleted mapping could still grant a role, which nothing would withdraw.
    """
    _lock("pg_advisory_xact_lock_shared", str(provider.pk))


def lock_provider_exclusive(provider: IdentityProvider) -> None:
    """Wait for all holders of `lock_provider_shared`, and block new ones."""
    _lock("pg_advisory_xact_lock", str(provider.pk))


def _lock(function: str, key: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(hashtextextended(%s, 5))", [key])
