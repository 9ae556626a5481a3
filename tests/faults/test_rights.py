"""The attack on ranks, at a small size."""

from tests.faults.rights import run
from tests.faults.stack import Stack


def test_nobody_rises_or_takes_the_owners_account(stack: Stack) -> None:
    outcome = run(stack, rounds=1)

    assert outcome.holds, outcome
