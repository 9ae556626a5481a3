"""What is done beside the requests, by threads of the process that serves them."""

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
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        if self._wanted.is_set() and self._thread is not None and self._thread.is_alive():
            return
        self._wanted.set()
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="chore", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        goes_well = True
        while self._wanted.wait():
            self._wanted.clear()
            try:
                self._do()
                goes_well = True
            except Exception as error:
                if goes_well:
                    log.warning("%s: %s", self._complaint, error)
                goes_well = False
            time.sleep(self._pause)


WAKING_PAUSE_SECONDS = 0.2


def task_trigger(task: str) -> BackgroundThread:
    """Return what asks a worker to run the task soon.

    Publishing to a broker that is gone or frozen takes seconds, and no request may wait
    for that. Many wake-ups in a row become one message.
    """
    return BackgroundThread(
        lambda: current_app.send_task(task, retry=False),
        pause=WAKING_PAUSE_SECONDS,
        complaint="No broker to wake; beat will find what waits",
    )
