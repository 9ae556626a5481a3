"""Measure ours against a bare Django view on the same stack, in turn, and print the ratios.

With --row-security, measure ours with row-level security against ours without it, as the owner of
the tables. Its cost is what the ratio of CPU, b, is less than 1.
"""

import argparse
import json
import sys

from tests.bench import sites
from tests.bench.figures import figures, summary, table
from tests.bench.load.measuring import measure
from tests.bench.load.report import Row
from tests.bench.load.settings import PHASES, Settings, new_run_id
from tests.bench.sites import ROLE, Site


def main() -> int:
    wanted = _arguments()
    role, other = (ROLE, sites.ours("owner")) if wanted.row_security else ("", sites.bare())
    with sites.ours(role=role) as ours, other as reference:
        rows = {site.name: [_load(site, wanted.people)] for site in (ours, reference)}
        for turn in range(1, wanted.rounds + 1):
            for site in (ours, reference):
                print(f"\n{site.name}, round {turn} of {wanted.rounds}")
                rows[site.name].append(_round(site, wanted))
        memory = {site.name: site.pss_mb() for site in (ours, reference)}
    print("\nweb processes:", ", ".join(f"{name} {mb:.1f} MB" for name, mb in memory.items()), "\n")
    return _sum_up(rows, wanted.people, memory["ours"])


def _sum_up(rows: dict[str, list[list[Row]]], people: int, pss_mb: float) -> int:
    (_, our_rows), (name, other_rows) = rows.items()
    ours, other = figures(our_rows[1:]), figures(other_rows[1:])
    phases = [phase for rounds in rows.values() for phases in rounds for phase in phases]
    errors = sum(phase["errors"] for phase in phases)
    print(table(ours, other, name))
    print(json.dumps(summary(ours, other, people=people, pss_mb=pss_mb, errors=errors)))
    return 1 if errors else 0


def _load(site: Site, people: int) -> list[Row]:
    print(f"\n{site.name}: loading {people} people")
    return measure(
        Settings(
            base=site.base,
            token=site.token,
            users=people,
            phases=["create"],
            run_id=new_run_id(),
            cpu_of=site.processes,
        )
    )


def _round(site: Site, wanted: argparse.Namespace) -> list[Row]:
    """Measure every phase among the people who are there; who comes in a round leaves in it."""
    return measure(
        Settings(
            base=site.base,
            token=site.token,
            users=wanted.created,
            attach=min(wanted.people, 1000),
            ops=wanted.ops,
            seconds=wanted.seconds,
            phases=PHASES,
            run_id=new_run_id(),
            cpu_of=site.processes,
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add("--people", type=int, default=10_000, help="people who are there from the beginning")
    add("--rounds", type=int, default=3, help="how often each is measured")
    add("--ops", type=int, default=3000, help="requests of a phase, at most")
    add("--created", type=int, default=300, help="people created in a round")
    add("--seconds", type=float, default=3, help="length of a phase, at most")
    add("--row-security", action="store_true", help="compare with and without row-level security")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
