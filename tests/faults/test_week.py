"""A company's first week with Okta, small."""

from tests.faults.stack import Stack
from tests.faults.week.playing import run


def test_state_after_the_week_equals_the_model(stack: Stack) -> None:
    outcome = run(stack, people=120, days=5, seed=1)

    assert outcome.holds, outcome.result
