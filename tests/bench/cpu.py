"""What a process and all its descendants cost: CPU time and memory, read from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def seconds_of(root: int) -> float:
    """Sum the CPU seconds of a process and all its descendants, the ended ones included."""
    tick = os.sysconf("SC_CLK_TCK")
    table = dict(_table())
    return sum(sum(map(int, table[pid][11:15])) for pid in _family(root, table)) / tick


def descendants(root: int) -> list[int]:
    return [pid for pid in _family(root, dict(_table())) if pid != root]


def is_worker(pid: int) -> bool:
    """Tell a process that works from the one that Python keeps to tidy up after it."""
    return b"resource_tracker" not in (PROC / str(pid) / "cmdline").read_bytes()


def pss(pid: int) -> int:
    """Return the bytes of memory of one process, shared pages counted in proportion."""
    rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    [line] = [line for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) * 1024


def _table() -> Iterator[tuple[int, list[str]]]:
    """Read the fields of each process's stat, from the third (its state) on."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            yield int(entry.name), stat.rpartition(")")[2].split()


def _family(root: int, table: dict[int, list[str]]) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for pid, fields in table.items():
        children.setdefault(int(fields[1]), []).append(pid)
    queue = [root]
    while queue:
        pid = queue.pop()
        if pid in table:
            yield pid
        queue += children.get(pid, [])
