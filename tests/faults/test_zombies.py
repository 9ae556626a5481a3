"""When Redis was away for a moment …"""

from tests.faults import zombies
from tests.faults.stack import Stack


def test_the_workers_take_up_their_work(stack: Stack) -> None:
    outcome = zombies.run(stack, rounds=1, seconds=4, away=1, rate=10)

    assert outcome.holds, outcome
