"""While Redis or PostgreSQL is away …"""

from tests.faults import outages
from tests.faults.stack import Stack


def test_promises_hold(stack: Stack) -> None:
    names = ["Redis frozen", "Redis wiped", "PostgreSQL crashed"]
    outcome = outages.run(stack, names=names, seconds=2, rate=10)

    assert outcome.holds, outcome
