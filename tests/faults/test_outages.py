"""Redis or PostgreSQL is down."""

from tests.faults import outages
from tests.faults.stack import Stack


def test_guarantees_hold_during_redis_and_postgresql_outages(stack: Stack) -> None:
    names = ["Redis frozen", "Redis wiped", "PostgreSQL crashed"]
    outcome = outages.run(stack, names=names, seconds=2, rate=10)

    assert outcome.holds, outcome
