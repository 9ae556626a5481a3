"""Every process is killed repeatedly."""

from tests.faults import kills
from tests.faults.stack import Stack


def test_no_acknowledged_write_is_lost_or_doubled(stack: Stack) -> None:
    outcome = kills.run(stack, writes=120, pace=0.6)

    assert outcome.holds, outcome
