"""While Ramp reloads …"""

from tests.faults import reloads
from tests.faults.stack import Stack


def test_no_request_is_refused_and_each_process_is_replaced(stack: Stack) -> None:
    outcome = reloads.run(stack, reloads=1)

    assert outcome.holds, outcome
