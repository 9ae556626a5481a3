"""On a day with an upgrade, a death of PostgreSQL and a restore …"""

from tests.faults import day
from tests.faults.stack import Stack


def test_nothing_is_lost_doubled_or_refused(stack: Stack) -> None:
    outcome = day.run(stack, rounds=1)

    assert outcome.holds, outcome
