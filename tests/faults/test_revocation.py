"""When a provider revokes people who are busy …"""

from tests.faults import revocation
from tests.faults.stack import Stack


def test_nothing_of_theirs_works_after_the_answer(stack: Stack) -> None:
    outcome = revocation.run(stack, people=20)

    assert outcome.holds, outcome
