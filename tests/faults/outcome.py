"""What a fault test reports: one row of the table in docs/reliability.md."""

import sys
from dataclasses import dataclass
from typing import NoReturn

HEADER = "| test | size | result | holds |\n|---|---|---|---|"


@dataclass(frozen=True)
class Outcome:
    """What was tried, how often, what came of it, and whether the promise holds."""

    test: str
    size: str
    result: str
    holds: bool

    def __str__(self) -> str:
        return f"| {self.test} | {self.size} | {self.result} | {'yes' if self.holds else 'NO'} |"


def finish(outcome: Outcome) -> NoReturn:
    """Print the row, and end the program with 0 if the promise holds, else with 1."""
    print(outcome, flush=True)
    sys.exit(not outcome.holds)
