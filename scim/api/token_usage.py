"""When each token was last used, from which address and by which user agent.

A read request must not write to the database. So each request records the use of its token in
memory, and a thread saves the uses every few seconds. A killed process loses what it has not
saved yet; the next request with the token records it again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q

from people import tenancy
from people.background import BackgroundThread
from people.client_address import client_address
from scim.models import Token

# Clients with invalid tokens must not fill the memory.
MAX_UNSAVED = 10_000
# The length of `Token.last_user_agent`.
MAX_USER_AGENT_LENGTH = 300


class TokenUse(NamedTuple):
    at: datetime
    ip: str | None
    user_agent: str


# The last use of each token that is not saved yet, by digest.
_unsaved: dict[str, TokenUse] = {}


def record_use(token_digest: str, at: datetime, meta: Mapping[str, Any]) -> None:
    """Record the use of a token, valid or not, in memory."""
    if len(_unsaved) < MAX_UNSAVED:
        _unsaved[token_digest] = TokenUse(at, client_address(meta), meta.get("HTTP_USER_AGENT", ""))
    if settings.TOKEN_USE_SECONDS:
        writer.wake()


def save_uses() -> int:
    """Save the recorded uses of valid tokens, and return the number of tokens."""
    uses = {}
    while _unsaved:
        # One at a time, because requests keep adding entries.
        token_digest, use = _unsaved.popitem()
        uses[token_digest] = use
    try:
        with tenancy.across_tenants():
            tokens = Token.objects.active().filter(digest__in=uses)
            return sum(_save_use(token, uses[token.digest]) for token in tokens)
    except Exception:
        # The next run saves them, unless a newer use was recorded meanwhile.
        for token_digest, use in uses.items():
            _unsaved.setdefault(token_digest, use)
        raise


def _save_use(token: Token, use: TokenUse) -> int:
    # Another process may have saved a later use already.
    earlier = Q(last_used_at=None) | Q(last_used_at__lt=use.at)
    return Token.objects.filter(earlier, pk=token.pk).update(
        last_used_at=use.at,
        last_ip=use.ip or None,
        last_user_agent=use.user_agent.replace("\0", "")[:MAX_USER_AGENT_LENGTH],
    )


def _save_and_close() -> None:
    try:
        save_uses()
    finally:
        # Each thread has its own database connection, which would stay open while it sleeps.
        connection.close()


writer = BackgroundThread(
    _save_and_close,
    pause=settings.TOKEN_USE_SECONDS,
    complaint="Could not save the last use of tokens",
)
