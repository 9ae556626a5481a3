"""Web processes, workers and Redis are killed while signals arrive."""

from tests.faults import received_signals
from tests.faults.stack import Stack


def test_each_signal_is_applied_once(stack: Stack) -> None:
    outcome = received_signals.run(stack, signals=60, deaths=3)

    assert outcome.holds, outcome
