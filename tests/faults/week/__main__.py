"""Play the week at full size: python -m tests.faults.week --people 2000 --seed 1."""

import argparse

from tests.faults.outcome import finish
from tests.faults.stack import Stack
from tests.faults.week.playing import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.week", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, **vars(wanted)))


if __name__ == "__main__":
    main()
