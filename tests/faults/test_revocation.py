"""A provider revokes people who are busy."""

from tests.faults import revocation
from tests.faults.stack import Stack


def test_revocation_ends_all_access_before_its_response(stack: Stack) -> None:
    outcome = revocation.run(stack, people=20)

    assert outcome.holds, outcome
