"""The cache that all processes of all hosts share: Redis, or while it is away, their own memory.

Redis must never break or delay a request. After an error, the process uses its own memory for some
seconds, then one request tries Redis again. So limits count, and circuit breakers work, in each
process alone until Redis is back.

An attacker with write access to Redis could replace the signing keys of a provider to sign in, or
store a pickle that runs code. So each value is encrypted, and can be read only under its own key.
Numbers are not encrypted, because Redis increments them; a changed one can only make a limit wrong.
"""

import base64
import logging
import pickle
import threading
import time
from functools import cache
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

from people import secrets

RETRY_SECONDS: Final = 5
# Redis answers within a millisecond. A process waits so long once in RETRY_SECONDS.
TIMEOUT_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


class Availability:
    """Whether this process uses Redis at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_away, self._next_try_at = False, 0.0

    def may_try(self) -> bool:
        """Tell whether to use Redis. While it is away, only one caller tries it."""
        if not self._is_away:
            return True
        with self._lock:
            now = time.monotonic()
            is_due = now >= self._next_try_at
            if is_due:
                self._next_try_at = now + RETRY_SECONDS
        return is_due

    def note_failure(self, error: RedisError) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._next_try_at = time.monotonic() + RETRY_SECONDS
        if not was_away:
            log.warning("Redis does not answer; each process uses its own cache: %s", error)

    def note_success(self) -> bool:
        """Return whether Redis was away until now."""
        if not self._is_away:
            return False
        with self._lock:
            was_away, self._is_away = self._is_away, False
        if was_away:
            log.warning("Redis answers again; the processes share their cache")
        return was_away


# Django creates an instance of the cache for each thread; they share this object.
@cache
def _availability(server: str) -> Availability:
    return Availability()


class SealedValues:
    """Lets Django store the numbers and sealed texts of SharedCache as they are."""

    def dumps(self, value: int | str) -> int | str:
        return value

    def loads(self, stored: bytes) -> int | str:
        try:
            return int(stored)
        except ValueError:
            return stored.decode(errors="replace")


class SharedCache(BaseCache):
    """Django's cache backend for `CACHES`; its location is the URL of Redis.

    `clear` is not implemented, because the queue is in the same database of Redis.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = {
            "serializer": SealedValues,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "socket_keepalive": True,
        }
        self._redis = RedisCache(server, params | {"OPTIONS": options})
        self._memory = LocMemCache(f"without {server}", params)
        self._availability = _availability(server)

    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        return bool(self._call("add", key, _sealed(key, value), timeout, version))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        stored = self._call("get", key, None, version)
        return default if stored is None else _opened(key, stored, default)

    def set(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        self._call("set", key, _sealed(key, value), timeout, version)

    def touch(
        self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return bool(self._call("touch", key, timeout, version))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._call("delete", key, version))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return int(self._call("incr", key, delta, version))

    def _call(self, method: str, *arguments: Any) -> Any:
        if self._availability.may_try():
            try:
                answer = getattr(self._redis, method)(*arguments)
            except RedisError as error:
                self._availability.note_failure(error)
            else:
                self._note_success()
                return answer
        return getattr(self._memory, method)(*arguments)

    def _note_success(self) -> None:
        if self._availability.note_success():
            # In the next outage, what was stored in this one would be out of date.
            self._memory.clear()


def _sealed(key: str, value: Any) -> int | str:
    if type(value) is int:
        return value
    text = base64.b64encode(pickle.dumps(value)).decode()
    # No tenant has this number.
    return secrets.sealed(text, tenant_id=0, field=f"cache {key}")


def _opened(key: str, stored: int | str, default: Any) -> Any:
    if isinstance(stored, int):
        return stored
    try:
        text = secrets.opened(stored, tenant_id=0, field=f"cache {key}")
    except secrets.SecretLost:
        return default
    # Only we can have sealed it.
    return pickle.loads(base64.b64decode(text))  # noqa: S301  # nosec B301
