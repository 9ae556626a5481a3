"""How the supervisor sees that a program lives but does nothing any more.

Each watch belongs to one program. `problem` says why the program has to be replaced, or
nothing; it takes a second or two at most, for the supervisor does nothing else meanwhile.
"""

import http.client
import logging
import os
import signal
import ssl
import time
from contextlib import suppress
from typing import Final

from celery import current_app
from django.conf import settings
from kombu.exceptions import ChannelError

from ramp import heartbeats

log = logging.getLogger(__name__)

# A worker whose queue is not empty, and beat, leave a sign at least every 10 seconds.
SILENCE: Final = 20.0
# How long a program may take to start on a busy machine.
LONGEST_START: Final = 120.0
# On SQLite one thread may wait 20 seconds until it may write.
WEB_SILENCE: Final = 10.0 if settings.WEB_THREADS > 1 else 30.0
POLL_SECONDS: Final = 2.0
# A job that takes longer is ended by the worker itself.
LONGEST_JOB: Final = settings.CELERY_TASK_TIME_LIMIT + 10.0


class Watch:
    """Watches nothing."""

    def begin(self, pid: int) -> None:
        """Forget what was seen, for the program starts anew as this process."""

    def problem(self) -> str:
        return ""


class SilenceWatch(Watch):
    """Watches for a program that leaves no sign although the broker is there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._excused_at = time.monotonic()

    def begin(self, pid: int) -> None:
        self._excused_at = time.monotonic()
        heartbeats.remove(self._name)

    def problem(self) -> str:
        silent = time.monotonic() - self._excused_at
        age = heartbeats.seconds_since(self._name)
        silent = silent if age is None else min(silent, age)
        if silent < (LONGEST_START if age is None else SILENCE):
            return ""
        if self._is_excused():
            self._excused_at = time.monotonic()
            return ""
        return f"{self._name} has done nothing for {silent:.0f} s"

    def _is_excused(self) -> bool:
        return not broker_answers()


class WorkerWatch(SilenceWatch):
    """Watches for a worker that takes no job although jobs wait, or whose event loop stopped."""

    def __init__(self) -> None:
        super().__init__(heartbeats.WORKER)

    def begin(self, pid: int) -> None:
        super().begin(pid)
        heartbeats.remove(heartbeats.LOOP)
        for one in heartbeats.all_of(heartbeats.BUSY):
            heartbeats.remove(f"{heartbeats.BUSY}-{one}")

    def _is_excused(self) -> bool:
        if (heartbeats.seconds_since(heartbeats.LOOP) or 0) > SILENCE:
            # It can neither take jobs nor end one that takes too long.
            return False
        return is_busy() or not jobs_wait()


class WebWatch(Watch):
    """Watches for web processes that answer nobody."""

    def __init__(self) -> None:
        self._leader = 0
        self._answered_at: float | None = None

    def begin(self, pid: int) -> None:
        self._leader, self._answered_at = pid, None

    def problem(self) -> str:
        self._end_stuck_processes()
        now = time.monotonic()
        age = heartbeats.seconds_since(heartbeats.WEB)
        if (age is not None and age < POLL_SECONDS) or web_answers():
            self._answered_at = now
        # How long it takes to start is nobody's fault.
        if self._answered_at is None or now - self._answered_at < WEB_SILENCE:
            return ""
        return f"it has answered nobody for {now - self._answered_at:.0f} s"

    def _end_stuck_processes(self) -> None:
        """Kill the single web processes that answer nobody; granian replaces them."""
        for pid, age in heartbeats.all_of(heartbeats.WEB).items():
            if age < WEB_SILENCE:
                continue
            heartbeats.remove(f"{heartbeats.WEB}-{pid}")
            with suppress(ProcessLookupError):
                # Nobody else's, should the number have been given anew.
                if os.getpgid(pid) == self._leader:
                    log.error("web process %d is replaced: silent for %.0f s", pid, age)
                    os.kill(pid, signal.SIGKILL)


def web_answers() -> bool:
    """Ask /healthz; tell whether a web process answered in time."""
    connection = _connection()
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.PUBLIC.hostname or ""})
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection() -> http.client.HTTPConnection:
    address = (settings.HOST, settings.PORT)
    if not settings.TLS_KEY:
        return http.client.HTTPConnection(*address, timeout=POLL_SECONDS)
    # The certificate is for the public name. Nothing secret is said, and nothing is believed.
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(*address, timeout=POLL_SECONDS, context=anybody)


def is_busy() -> bool:
    """Tell whether a process of the worker does a job that may still take a while."""
    return any(age < LONGEST_JOB for age in heartbeats.all_of(heartbeats.BUSY).values())


def broker_answers() -> bool:
    try:
        # One retry only: the supervisor checks all programs one after the other.
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except Exception:
        # kombu passes on whatever the broker's own library raises.
        return False
    return True


def jobs_wait() -> bool:
    """Tell whether the broker answers, and has jobs that no worker took."""
    try:
        with current_app.connection_for_write() as broker:
            queue = current_app.conf.task_default_queue
            declared = broker.default_channel.queue_declare(queue, passive=True)
            return bool(declared.message_count)
    except ChannelError:
        # Redis knows a queue only while something is in it.
        return False
    except Exception:
        return False
