"""When each token was last used, from where and by what.

Requests that read write nothing, so each notes its token in memory, and a thread writes the
notes down every few seconds. What a killed process had not written yet is lost; the next
request says the same again.
"""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q

from people import tenancy
from scim.models import Token

log = logging.getLogger(__name__)

# Whoever asks with made-up tokens shall not fill the memory.
MOST_NOTED = 10_000
LONGEST_USER_AGENT = 300


class Use(NamedTuple):
    at: datetime
    ip: str | None
    user_agent: str


# By digest, the last use of each token that has not been written down yet.
_noted: dict[str, Use] = {}


def note(token_digest: str, at: datetime, meta: Mapping[str, Any]) -> None:
    """Remember the use of a token, good or not; this is all that it costs a request."""
    if len(_noted) < MOST_NOTED:
        _noted[token_digest] = Use(at, meta.get("REMOTE_ADDR"), meta.get("HTTP_USER_AGENT", ""))
    writer.wake()


def write_down() -> int:
    """Write what was noted to the tokens that are good; return to how many."""
    uses = {}
    while _noted:
        # One by one, for requests go on noting meanwhile.
        token_digest, use = _noted.popitem()
        uses[token_digest] = use
    try:
        with tenancy.across_tenants():
            tokens = Token.objects.alive().filter(digest__in=uses)
            return sum(_write(token, uses[token.digest]) for token in tokens)
    except Exception:
        for token_digest, use in uses.items():
            _noted.setdefault(token_digest, use)
        raise


def _write(token: Token, use: Use) -> int:
    # Another process may have heard from the token since, and written that down before us.
    earlier = Q(last_used_at=None) | Q(last_used_at__lt=use.at)
    return Token.objects.filter(earlier, pk=token.pk).update(
        last_used_at=use.at,
        last_ip=use.ip or None,
        last_user_agent=use.user_agent.replace("\0", "")[:LONGEST_USER_AGENT],
    )


def _write_and_close() -> None:
    try:
        write_down()
    finally:
        # A thread has a connection of its own, and needs none while it sleeps.
        connection.close()


class Writer:
    """Writes down what was noted, in a thread of its own that begins with the first note."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        if self._wanted.is_set():
            return
        self._wanted.set()
        with self._starting:
            is_running = self._thread is not None and self._thread.is_alive()
            if settings.TOKEN_USE_SECONDS and not is_running:
                self._thread = threading.Thread(target=self._run, name="token use", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            try:
                _write_and_close()
            except Exception as error:
                log.warning("Could not write down who used which token: %s", error)
            time.sleep(settings.TOKEN_USE_SECONDS)


writer = Writer()
