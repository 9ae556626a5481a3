"""Watches, by which the supervisor detects programs that run but make no progress.

Each watch belongs to one program. `problem` returns why the program has to be restarted, or a blank
text. It takes two seconds at most, because the supervisor checks all programs one after the other.
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

# An older heartbeat is overdue: beat, and a worker whose queue is not empty, write one at least
# every 10 seconds.
OVERDUE_SECONDS: Final = 20.0
# How long a program may take to start on a busy machine.
MAX_START: Final = 120.0
# The heartbeat of a web process is overdue earlier, because people wait for it. But on SQLite, a
# thread waits up to 20 seconds for the write lock.
WEB_OVERDUE_SECONDS: Final = 10.0 if settings.WEB_THREADS > 1 else 30.0
POLL_SECONDS: Final = 2.0
# A job that takes longer is ended by the worker itself.
MAX_JOB: Final = settings.CELERY_TASK_TIME_LIMIT + 10.0


class Watch:
    """Reports no problem. The base of the other watches."""

    def begin(self, pid: int) -> None:
        """Start over, because the program was started as this process."""

    def begin_reload(self) -> None:
        """Allow the time of a start, because the program starts its processes again."""

    def problem(self) -> str:
        return ""


class HeartbeatWatch(Watch):
    """Reports a program that writes no heartbeat although the broker answers."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._excused_at = time.monotonic()

    def begin(self, pid: int) -> None:
        self._excused_at = time.monotonic()
        heartbeats.remove(self._name)

    def problem(self) -> str:
        missing_for = time.monotonic() - self._excused_at
        age = heartbeats.seconds_since(self._name)
        if age is not None:
            missing_for = min(missing_for, age)
        if missing_for < (MAX_START if age is None else OVERDUE_SECONDS):
            return ""
        if self._is_excused():
            self._excused_at = time.monotonic()
            return ""
        return f"{self._name} has written no heartbeat for {missing_for:.0f} s"

    def _is_excused(self) -> bool:
        return not broker_answers()


class WorkerWatch(HeartbeatWatch):
    """Reports a worker that takes no job although jobs wait, or whose event loop stopped."""

    def __init__(self) -> None:
        super().__init__(heartbeats.WORKER)

    def begin(self, pid: int) -> None:
        super().begin(pid)
        heartbeats.remove(heartbeats.LOOP)
        for one in heartbeats.all_of(heartbeats.BUSY):
            heartbeats.remove(f"{heartbeats.BUSY}-{one}")

    def _is_excused(self) -> bool:
        if (heartbeats.seconds_since(heartbeats.LOOP) or 0) > OVERDUE_SECONDS:
            # Without its event loop, the worker can neither take jobs nor end one that takes too
            # long.
            return False
        return is_busy() or not jobs_wait()


class WebWatch(Watch):
    """Reports web processes that answer no request."""

    def __init__(self) -> None:
        self._leader = 0
        self._answered_at: float | None = None
        self._reloads_until = 0.0

    def begin(self, pid: int) -> None:
        self._leader, self._answered_at = pid, None

    def begin_reload(self) -> None:
        # On a busy machine, granian may end the old processes before the new ones answer.
        # Meanwhile, requests wait at the shared socket, which a restart would close.
        self._reloads_until = time.monotonic() + MAX_START

    def problem(self) -> str:
        self._end_stuck_processes()
        now = time.monotonic()
        age = heartbeats.seconds_since(heartbeats.WEB)
        if (age is not None and age < POLL_SECONDS) or web_answers():
            self._answered_at = now
        # Before the first answer, the web processes may still be starting. Granian itself
        # restarts those that fail.
        if self._answered_at is None or now < self._reloads_until:
            return ""
        if now - self._answered_at < WEB_OVERDUE_SECONDS:
            return ""
        return f"it has answered nobody for {now - self._answered_at:.0f} s"

    def _end_stuck_processes(self) -> None:
        """Kill single web processes that answer no request; granian restarts them."""
        for pid, age in heartbeats.all_of(heartbeats.WEB).items():
            if age < WEB_OVERDUE_SECONDS:
                continue
            heartbeats.remove(f"{heartbeats.WEB}-{pid}")
            with suppress(ProcessLookupError):
                # The process may have ended, and another program may have got its id.
                if os.getpgid(pid) == self._leader:
                    log.error("web process %d is replaced: no heartbeat for %.0f s", pid, age)
                    os.kill(pid, signal.SIGKILL)


def web_answers() -> bool:
    """Request /healthz; tell whether a web process answered in time."""
    connection = local_connection()
    try:
        connection.request("GET", "/healthz", headers={"Host": settings.PUBLIC.hostname or ""})
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def local_connection() -> http.client.HTTPConnection:
    """Return a connection to the web processes of this machine."""
    address = (settings.HOST, settings.PORT)
    if not settings.TLS_KEY:
        return http.client.HTTPConnection(*address, timeout=POLL_SECONDS)
    # The certificate is for the public name, so it cannot be verified here. The request contains
    # no secret, and only the status of the response is used.
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(*address, timeout=POLL_SECONDS, context=anybody)


def is_busy() -> bool:
    """Tell whether a process of the worker runs a job that has not exceeded its time limit."""
    return any(age < MAX_JOB for age in heartbeats.all_of(heartbeats.BUSY).values())


def broker_answers() -> bool:
    try:
        # Only one retry, because the supervisor checks all programs one after the other.
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except Exception:
        # kombu lets the exceptions of the broker's client library pass.
        return False
    return True


def jobs_wait() -> bool:
    """Tell whether the broker answers, and has jobs that no worker has taken."""
    try:
        return bool(waiting_jobs())
    except Exception:
        # kombu lets the exceptions of the broker's client library pass.
        return False


def waiting_jobs() -> int:
    """Return how many jobs no worker has taken. Raises an error of the broker's client library."""
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
        queue = current_app.conf.task_default_queue
        try:
            declared = broker.default_channel.queue_declare(queue, passive=True)
        except ChannelError:
            # In Redis, a queue exists only while it contains a job.
            return 0
        return int(declared.message_count)
