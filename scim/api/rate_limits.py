"""Rate limits per token, with separate limits for reads and writes.

A web process counts in memory, so that no request waits for another machine. With Redis, a
thread exchanges the counts with the other processes several times a second. Without Redis, or
while it is down, each process counts alone.
"""

import math
import threading
import time
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from redis import Redis
from scim2_models import SCIMException

from people.background import BackgroundThread

# Clients with invalid tokens must not fill the memory.
MAX_BUCKETS = 10_000
EXCHANGE_SECONDS = 0.1
EXPIRY_SECONDS = 60


class TooManyRequests(SCIMException):
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(detail=f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after


@dataclass
class TokenBucket:
    """The remaining requests of a limit that refills every second, and when they were counted."""

    left: float
    at: float
    # The requests counted here since the last exchange, and by all processes up to it.
    unshared: int = 0
    total: int | None = None
    shared_at: float = 0

    def refill(self, rate: float, now: float) -> None:
        self.left, self.at = min(rate, self.left + (now - self.at) * rate), now


class TokenBuckets:
    """The rate limits of one web process, by token and by kind of request."""

    def __init__(self) -> None:
        self._buckets: dict[str, TokenBucket] = {}
        self._lock = threading.Lock()

    def consume(self, key: str, rate: float) -> None:
        """Count one request.

        :raises TooManyRequests: if the bucket is empty.
        """
        now = time.monotonic()
        with self._lock:
            if len(self._buckets) > MAX_BUCKETS:
                # A full bucket is the default, so clients only gain from this.
                self._buckets.clear()
            bucket = self._buckets.setdefault(key, TokenBucket(rate, now))
            bucket.refill(rate, now)
            left = bucket.left
            if left >= 1:
                bucket.left -= 1
                bucket.unshared += 1
        if left < 1:
            raise TooManyRequests(math.ceil((1 - left) / rate))

    def exchange(self, redis: Redis, rate: float) -> None:
        """Add the counts of this process in Redis, and subtract those of the other processes."""
        with self._lock:
            counts = {name: one.unshared for name, one in self._buckets.items() if one.unshared}
        if not counts:
            return
        pipeline = redis.pipeline(transaction=False)
        for name, count in counts.items():
            pipeline.incrby(f"scim-asked:{name}", count)
            pipeline.expire(f"scim-asked:{name}", EXPIRY_SECONDS)
        # Every second result is that of EXPIRE.
        totals = pipeline.execute()[::2]
        # Redis is called without the lock, so that requests never wait for the network.
        with self._lock:
            for (name, count), total in zip(counts.items(), totals, strict=True):
                if name in self._buckets:
                    _apply_remote(self._buckets[name], count, total, rate)

    def clear(self) -> None:
        with self._lock:
            self._buckets.clear()


def _apply_remote(bucket: TokenBucket, mine: int, total: int, rate: float) -> None:
    """Subtract the requests that other processes counted since the last exchange.

    A bucket refills completely within a second. So if the last exchange was longer ago, only
    their average number per second is subtracted.
    """
    now = time.monotonic()
    bucket.unshared -= mine
    # A smaller total means that the key expired in Redis and counting began again.
    if bucket.total is not None and total >= bucket.total + mine:
        others = total - bucket.total - mine
        share = min(1, 1 / max(now - bucket.shared_at, EXCHANGE_SECONDS))
        bucket.refill(rate, now)
        bucket.left = max(bucket.left - others * share, -rate)
    bucket.total, bucket.shared_at = total, now


local_buckets = TokenBuckets()


def consume(token_digest: str, *, reads: bool) -> None:
    """Count one request against the limit of the token.

    :raises TooManyRequests: if the token has used up its rate.
    """
    rate = settings.SCIM_REQUESTS_PER_SECOND
    if not rate:
        return
    local_buckets.consume(f"{token_digest}:{'reads' if reads else 'writes'}", rate)
    if settings.SCIM_LIMITS_URL:
        bucket_sync.wake()


@cache
def _redis(url: str) -> Redis:
    # A Redis that hangs must not stop the thread for longer.
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


bucket_sync = BackgroundThread(
    lambda: local_buckets.exchange(
        _redis(settings.SCIM_LIMITS_URL), settings.SCIM_REQUESTS_PER_SECOND
    ),
    pause=EXCHANGE_SECONDS,
    complaint="Web processes count the requests of each token alone",
)
