"""A clock that a test sets for whole processes, by libfaketime."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.services.postgres_redis_smtp import MissingProgramError

# libfaketime adds its offset to the end of a sleep by the monotonic clock, which Python's are.
SLEEP: Final = "import select, time; time.sleep = lambda s: select.select([], [], [], s) and None"
LIBRARY: Final = "usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    """Processes that have this environment read the time here, and run on between settings."""

    def __init__(self, now: datetime) -> None:
        found = sorted(Path("/").glob(LIBRARY))
        if not found:
            raise MissingProgramError("libfaketime")
        # PostgreSQL reads it as a user of its own.
        folder = Path(tempfile.mkdtemp(prefix="ramp-clock-"))
        folder.chmod(0o755)
        (folder / "sitecustomize.py").write_text(f"{SLEEP}\n")
        self.folder, self.file = folder, folder / "offset"
        self.environment = {
            "LD_PRELOAD": str(found[-1]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # Nobody may be woken from a sleep by it, or sleep on for days.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(folder),
        }
        self.set(now)

    def set(self, now: datetime) -> None:
        """Set the clock; an offset, because a date would begin anew with each process."""
        offset = now.timestamp() - datetime.now(tz=now.tzinfo).timestamp()
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset:+.3f}\n")
        new.chmod(0o644)
        new.replace(self.file)

    def remove(self) -> None:
        shutil.rmtree(self.folder)
