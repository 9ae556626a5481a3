"""While the receiver of webhooks fails and workers are killed …"""

from tests.faults import webhooks
from tests.faults.stack import Stack


def test_each_event_arrives_in_order_for_its_person(stack: Stack) -> None:
    outcome = webhooks.run(stack, events=300, deaths=2)

    assert outcome.holds, outcome
