"""How often one token may ask, in one web process."""

import math
import threading
import time

from django.conf import settings
from scim2_models import SCIMException

MOST_TOKENS = 10_000


class TooManyRequests(SCIMException):
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(detail=f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after


# By token digest: what is left of its allowance, and when that was so.
_allowances: dict[str, tuple[float, float]] = {}
_counting = threading.Lock()


def spend(token_digest: str) -> None:
    """Take one request off the token's allowance, which refills by the second.

    :raises TooManyRequests: if nothing is left.
    """
    rate = settings.SCIM_REQUESTS_PER_SECOND
    if not rate:
        return
    now = time.monotonic()
    with _counting:
        if len(_allowances) > MOST_TOKENS:
            _allowances.clear()
        left, then = _allowances.get(token_digest, (rate, now))
        left = min(rate, left + (now - then) * rate)
        _allowances[token_digest] = (max(left - 1, 0), now)
    if left < 1:
        raise TooManyRequests(math.ceil((1 - left) / rate))
