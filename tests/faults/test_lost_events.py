"""When an event is lost on its way to the bulk-change guard …"""

from tests.faults import lost_events
from tests.faults.stack import Stack


def test_nobody_is_terminated(stack: Stack) -> None:
    outcome = lost_events.run(stack, people=12, faults=["queue wiped, worker killed"])

    assert outcome.holds, outcome
