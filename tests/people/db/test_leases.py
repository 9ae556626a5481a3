"""The holder of a lease …"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from people.db import leases

SLEEPER = (
    "import sys; from people.db import leases; print(leases.holder(), flush=True); sys.stdin.read()"
)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SLEEPER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


def named(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_is_alive_while_its_process_runs(process: subprocess.Popen[str]) -> None:
    assert not leases.is_dead(named(process))
    assert not leases.is_dead(leases.holder())


def test_is_dead_once_it_was_killed_also_before_its_parent_has_noticed(
    process: subprocess.Popen[str],
) -> None:
    name = named(process)
    process.kill()
    # It stays a zombie: this waits without reaping it.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert leases.is_dead(name)


def test_is_dead_when_another_process_has_its_number() -> None:
    machine, pid, started_at = leases.holder().rsplit("/", 2)

    assert leases.is_dead(f"{machine}/{pid}/{int(started_at) - 1}")


def test_counts_as_alive_on_another_machine_or_boot() -> None:
    _, pid, started_at = leases.holder().rsplit("/", 2)

    assert not leases.is_dead(f"another-boot/pid:[1]/{pid}/{int(started_at) - 1}")


def test_has_a_name_that_fits_into_its_column() -> None:
    assert len(leases.holder()) <= leases.NAME_LENGTH
