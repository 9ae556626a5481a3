"""Background threads of a web process, for work that no request should wait for."""

import logging
import threading
import time
from collections.abc import Callable

from celery import current_app

log = logging.getLogger(__name__)


class BackgroundThread:
    """Runs a function in a background thread soon after it is triggered.

    Several triggers within the pause cause one run. A failure is logged once, until a run
    succeeds again.
    """

    def __init__(self, do: Callable[[], object], *, pause: float, complaint: str) -> None:
        self._do, self._pause, self._complaint = do, pause, complaint
        self._triggered = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        # Spares the lock in the usual case that a run is already coming.
        if self._triggered.is_set() and self._thread is not None and self._thread.is_alive():
            return
        self._triggered.set()
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # Daemon: the thread must not keep the process from exiting. Beat does what it
                # leaves undone.
                self._thread = threading.Thread(
                    target=self._run, name="background-task", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        succeeded = True
        while self._triggered.wait():
            # Cleared before the work: a trigger during the work then causes another run.
            self._triggered.clear()
            try:
                self._do()
                succeeded = True
            except Exception as error:
                # The thread must survive any failure. Only the first of a series is logged.
                if succeeded:
                    log.warning("%s: %s", self._complaint, error)
                succeeded = False
            time.sleep(self._pause)


WAKING_PAUSE_SECONDS = 0.2


def task_trigger(task: str, *, pause: float = WAKING_PAUSE_SECONDS) -> BackgroundThread:
    """Return a trigger that sends the task to a worker, at most once in `pause` seconds.

    It publishes from a thread, because publishing to a dead or frozen broker takes seconds, and no
    request may wait for that. Several triggers in a row send one message.
    """
    return BackgroundThread(
        # No retries: while the broker is unavailable, the rows wait, and beat finds them.
        lambda: current_app.send_task(task, retry=False),
        pause=pause,
        complaint="The broker is not available; beat will run the task later",
    )
