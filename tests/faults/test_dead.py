"""When SCIM deactivates somebody who is busy …"""

from tests.faults import dead
from tests.faults.stack import Stack


def test_nothing_they_have_works_any_more(stack: Stack) -> None:
    outcome = dead.run(stack, people=2, sessions=10, tokens=5, seconds=1.5)

    assert outcome.holds, outcome
