"""Rate limits per token, with separate limits for reads and writes.

A web process counts in memory, so that no request waits for another machine. Where there is
Redis, a thread tells the other processes several times a second how much was asked here, and
hears of theirs; without it, or while it is gone, each process counts alone.
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

MOST_ALLOWANCES = 10_000
SHARING_PAUSE = 0.1
REMEMBERED_SECONDS = 60


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
    # Requests counted here, and by all processes at the last exchange.
    unshared: int = 0
    total: int | None = None
    shared_at: float = 0

    def refill(self, rate: float, now: float) -> None:
        self.left, self.at = min(rate, self.left + (now - self.at) * rate), now


class TokenBuckets:
    """The rate limits of one web process, by token and by kind of request."""

    def __init__(self) -> None:
        self._kept: dict[str, TokenBucket] = {}
        self._counting = threading.Lock()

    def spend(self, whose: str, rate: float) -> None:
        """Count one request.

        :raises TooManyRequests: if nothing is left.
        """
        now = time.monotonic()
        with self._counting:
            if len(self._kept) > MOST_ALLOWANCES:
                self._kept.clear()
            allowance = self._kept.setdefault(whose, TokenBucket(rate, now))
            allowance.refill(rate, now)
            left = allowance.left
            if left >= 1:
                allowance.left -= 1
                allowance.unshared += 1
        if left < 1:
            raise TooManyRequests(math.ceil((1 - left) / rate))

    def share(self, redis: Redis, rate: float) -> None:
        """Exchange request counts with the other processes."""
        with self._counting:
            asked = {name: one.unshared for name, one in self._kept.items() if one.unshared}
        if not asked:
            return
        pipeline = redis.pipeline(transaction=False)
        for name, count in asked.items():
            pipeline.incrby(f"scim-asked:{name}", count)
            pipeline.expire(f"scim-asked:{name}", REMEMBERED_SECONDS)
        totals = pipeline.execute()[::2]
        with self._counting:
            for (name, count), total in zip(asked.items(), totals, strict=True):
                if name in self._kept:
                    _apply_remote(self._kept[name], count, total, rate)

    def forget(self) -> None:
        with self._counting:
            self._kept.clear()


def _apply_remote(allowance: TokenBucket, mine: int, total: int, rate: float) -> None:
    """Take off the allowance what others asked since it was heard of last.

    Of what they asked in a longer time, the most has been refilled since: a second's worth
    counts.
    """
    now = time.monotonic()
    allowance.unshared -= mine
    if allowance.total is not None and total >= allowance.total + mine:
        others = total - allowance.total - mine
        share = min(1, 1 / max(now - allowance.shared_at, SHARING_PAUSE))
        allowance.refill(rate, now)
        allowance.left = max(allowance.left - others * share, -rate)
    allowance.total, allowance.shared_at = total, now


local_buckets = TokenBuckets()


def spend(token_digest: str, *, reads: bool) -> None:
    """Count one request against the limit of the token.

    :raises TooManyRequests: if nothing is left.
    """
    rate = settings.SCIM_REQUESTS_PER_SECOND
    if not rate:
        return
    local_buckets.spend(f"{token_digest}:{'reads' if reads else 'writes'}", rate)
    if settings.SCIM_LIMITS_URL:
        bucket_sync.wake()


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


bucket_sync = BackgroundThread(
    lambda: local_buckets.share(
        _redis(settings.SCIM_LIMITS_URL), settings.SCIM_REQUESTS_PER_SECOND
    ),
    pause=SHARING_PAUSE,
    complaint="Web processes count the requests of each token alone",
)
