"""SCIM deactivates people who are busy."""

from tests.faults import dead
from tests.faults.stack import Stack


def test_deactivation_ends_all_sessions_and_tokens(stack: Stack) -> None:
    outcome = dead.run(stack, people=2, sessions=10, tokens=5, seconds=1.5)

    assert outcome.holds, outcome
