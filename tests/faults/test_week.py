"""A company's first week with Okta, small."""

from tests.faults.stack import Stack
from tests.faults.week.playing import run


def test_ends_as_the_model_says(stack: Stack) -> None:
    outcome = run(stack, people=120, days=5, seed=1)

    assert outcome.holds, outcome.result
