"""The processes of a running Ramp, and waiting for what becomes of them."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.services.server import Server


def programs(ramp: Server) -> dict[str, int]:
    """Return the process that leads each program, by its name."""
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in children(ramp.process.pid)}
    names = {"web": "ramp.web_server", "worker": "\0worker\0", "beat": "\0beat\0"}
    return {name: pid for name, mark in names.items() for pid in commands if mark in commands[pid]}


def descendants(pid: int) -> list[int]:
    return [*children(pid), *(below for child in children(pid) for below in descendants(child))]


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed if is_running(int(child))]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def within(seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
