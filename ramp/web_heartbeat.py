"""The heartbeats of a web process, written while the process can answer requests."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.conf import settings

from ramp import heartbeats

SECONDS: Final = 1.0
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class HeartbeatWriter:
    """A WSGI application that writes heartbeats while requests end or a thread is free."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._running = 0
        self._ended_at = time.monotonic()
        threading.Thread(target=self._write, name="heartbeat", daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._lock:
            self._running += 1
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self._running -= 1
                self._ended_at = time.monotonic()

    def _write(self) -> None:
        known = 0.0
        while True:
            ended_at = self._ended_at
            # Written only when a request has ended: the supervisor then need not request /healthz.
            if ended_at != known:
                heartbeats.leave(heartbeats.WEB)
            # A free thread counts as well, because a process without requests does not hang.
            if ended_at != known or self._running < settings.WEB_THREADS:
                heartbeats.leave(heartbeats.of_process(heartbeats.WEB))
            known = ended_at
            time.sleep(SECONDS)
