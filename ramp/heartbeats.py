"""Signs of life: what the programs of one machine leave, and the supervisor and /readyz look at.

Each sign is an empty file in a folder that the supervisor makes; the time of its last change
says when a program last made progress. That time is of the monotonic clock, which nobody sets
back. Where no supervisor runs there is no folder, and nothing is left or found.
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
# Of the event loop of a worker, whether there are jobs or not.
LOOP: Final = "loop"
# Of each process of a worker while it does a job.
BUSY: Final = "busy"


def leave(name: str) -> None:
    """Leave the sign that the program makes progress now."""
    if folder := _folder():
        now = time.monotonic()
        path = folder / name
        # The folder goes when the supervisor ends, maybe before we do.
        with suppress(FileNotFoundError):
            path.touch()
            os.utime(path, (now, now))


def remove(name: str) -> None:
    if folder := _folder():
        (folder / name).unlink(missing_ok=True)


def seconds_since(name: str) -> float | None:
    """Return how long ago the sign was left; None if it was not."""
    folder = _folder()
    return _age(folder / name) if folder else None


def all_of(kind: str) -> dict[int, float]:
    """Return the ages of the signs that single processes left, by process number."""
    folder = _folder()
    paths = folder.glob(f"{kind}-*") if folder else ()
    ages = {int(path.name.rpartition("-")[2]): _age(path) for path in paths}
    return {pid: age for pid, age in ages.items() if age is not None}


def of_process(kind: str) -> str:
    """Return the name of a sign that only this process leaves."""
    return f"{kind}-{os.getpid()}"


def _age(path: Path) -> float | None:
    try:
        return time.monotonic() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def _folder() -> Path | None:
    return Path(settings.SIGNS_DIR) if settings.SIGNS_DIR else None
