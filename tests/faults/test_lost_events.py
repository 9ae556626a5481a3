"""An event is lost before it reaches the bulk-change guard."""

from tests.faults import lost_events
from tests.faults.stack import Stack


def test_no_person_is_terminated_after_a_lost_event(stack: Stack) -> None:
    outcome = lost_events.run(stack, people=12, faults=["queue wiped, worker killed"])

    assert outcome.holds, outcome
