"""Redis is down for a moment."""

from tests.faults import zombies
from tests.faults.stack import Stack


def test_workers_resume_after_redis_returns(stack: Stack) -> None:
    outcome = zombies.run(stack, rounds=1, seconds=4, away=1, rate=10)

    assert outcome.holds, outcome
