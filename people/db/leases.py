"""Leases: a row that one process works on, and that is free again when that process dies.

A lease ends by itself after a while. That while has to be longer than any work, so a row whose
holder died would wait for minutes. The name of the holder lets others on the same machine see
that it is dead, and release the row at once.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final

# Room for the name of a holder in a column.
NAME_LENGTH: Final = 120


def holder() -> str:
    """Return a name for this process that no other process ever has."""
    return f"{_machine()}/{os.getpid()}/{_started_at(os.getpid())}"


def is_dead(name: str) -> bool:
    """Tell whether the process of that name has ended.

    Nothing is known about processes of other machines or containers: they count as alive.
    """
    machine, pid, started_at = name.rsplit("/", 2)
    return machine == _machine() and _started_at(int(pid)) != started_at


@cache
def _machine() -> str:
    """Name this boot of this machine, and the namespace in which process numbers count."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def _started_at(pid: int) -> str:
    """Return when the process started, in ticks since boot; blank if it does not run."""
    try:
        # The name of the program, in parentheses, may contain spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
