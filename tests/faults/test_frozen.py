"""When programs live but do nothing any more …"""

from tests.faults import frozen
from tests.faults.stack import Stack


def test_the_supervisor_replaces_them(stack: Stack) -> None:
    outcome = frozen.run(stack, rounds=1, names=["one web process", "worker"])

    assert outcome.holds, outcome
