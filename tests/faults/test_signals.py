"""A receiver fails, and workers and web processes are killed while signals are sent."""

from tests.faults import signals
from tests.faults.stack import Stack


def test_each_security_event_arrives_over_push_and_poll(stack: Stack) -> None:
    outcome = signals.run(stack, events=200, deaths=1)

    assert outcome.holds, outcome
