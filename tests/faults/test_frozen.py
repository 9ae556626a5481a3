"""Processes freeze but stay alive."""

from tests.faults import frozen
from tests.faults.stack import Stack


def test_supervisor_replaces_frozen_processes(stack: Stack) -> None:
    outcome = frozen.run(stack, rounds=1, names=["one web process", "worker"])

    assert outcome.holds, outcome
