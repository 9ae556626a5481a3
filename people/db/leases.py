"""Leases: a row that one process works on, and that is free again when that process dies.

A lease expires after a fixed time, which has to be longer than any work. A row whose holder died
would therefore wait for minutes. The holder's name lets other processes on the same machine see
that it is dead, and release the row at once.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final

# The length of a column for the name of a holder.
NAME_LENGTH: Final = 120


def holder() -> str:
    """Return a name for this process that no other process ever has."""
    return f"{_machine()}/{os.getpid()}/{_started_at(os.getpid())}"


def is_dead(name: str) -> bool:
    """Tell whether the process with this name has ended.

    Processes of other machines or containers cannot be checked, so they count as alive.
    """
    machine, pid, started_at = name.rsplit("/", 2)
    return machine == _machine() and _started_at(int(pid)) != started_at


@cache
def _machine() -> str:
    """Identify the boot of this machine and the PID namespace: PIDs are only unique in these."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def _started_at(pid: int) -> str:
    """Return when the process started, in ticks since boot; blank if it does not run."""
    try:
        # The program name, in parentheses, may contain spaces, so read what follows it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # A zombie (Z) does no work any more. Field 22 of proc(5) is the start time.
    return "" if fields[0] == "Z" else fields[19]
