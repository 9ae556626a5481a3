"""The receiver of webhooks fails and workers are killed."""

from tests.faults import webhooks
from tests.faults.stack import Stack


def test_events_of_each_person_arrive_in_order(stack: Stack) -> None:
    outcome = webhooks.run(stack, events=300, deaths=2)

    assert outcome.holds, outcome
