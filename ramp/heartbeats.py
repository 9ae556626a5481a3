"""Heartbeats of the programs of one machine, for the supervisor and /readyz.

A heartbeat is an empty file in a folder that the supervisor creates. Its modification time says
when the program last made progress. It is a time of the monotonic clock, so clock changes have no
effect. Without a supervisor there is no folder, and heartbeats are neither written nor found.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

WORKER: Final = "worker"
BEAT: Final = "beat"
WEB: Final = "web"
# The event loop of a worker, also while there are no jobs.
LOOP: Final = "loop"
# A worker process that is running a job.
BUSY: Final = "busy"


def leave(name: str) -> None:
    """Write the heartbeat: the program makes progress now."""
    if folder := _folder():
        now = time.monotonic()
        path = folder / name
        # The supervisor may have ended and deleted the folder.
        with suppress(FileNotFoundError):
            path.touch()
            os.utime(path, (now, now))


def remove(name: str) -> None:
    if folder := _folder():
        (folder / name).unlink(missing_ok=True)


def seconds_since(name: str) -> float | None:
    """Return the seconds since the heartbeat; None if there is none."""
    folder = _folder()
    return _age(folder / name) if folder else None


def all_of(kind: str) -> dict[int, float]:
    """Return the ages of the heartbeats of single processes, by process id."""
    folder = _folder()
    paths = folder.glob(f"{kind}-*") if folder else ()
    ages = {int(path.name.rpartition("-")[2]): _age(path) for path in paths}
    return {pid: age for pid, age in ages.items() if age is not None}


def of_process(kind: str) -> str:
    """Return the name of a heartbeat that only this process writes."""
    return f"{kind}-{os.getpid()}"


def _age(path: Path) -> float | None:
    try:
        return time.monotonic() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def _folder() -> Path | None:
    return Path(settings.SIGNS_DIR) if settings.SIGNS_DIR else None
