"""The attack on ranks, at a small size."""

from tests.faults.rights import run
from tests.faults.stack import Stack


def test_no_person_gains_rank_or_the_account_of_an_owner(stack: Stack) -> None:
    outcome = run(stack, rounds=1)

    assert outcome.holds, outcome
