"""From rows of phases to ratios: how ours compares with the bare view of the same run.

a is the ratio of requests per second, b that of server CPU per request (web and database),
both so that 1 is as good as the bare view and more is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.bench.load.report import Row

NAMES = {
    "find-name": "find",
    "find-ext": "find_external",
    "get": "get",
    "patch": "patch",
    "manager": "manager",
    "deactivate": "deactivate",
    "create": "create",
    "put": "put",
    "list-first": "list_first",
    "list-deep": "list_deep",
    "mix": "mix",
    "incomplete": "incomplete",
    "delete": "delete",
}
RATIOS = (
    *("find", "find_external", "get", "patch", "manager", "create", "put"),
    *("list_first", "mix", "incomplete"),
)


@dataclass(frozen=True)
class Figure:
    """One phase of one site: medians over its rounds."""

    per_second: float
    cpu_ms: float
    p50_ms: float
    p95_ms: float


Figures = dict[str, Figure]


def figures(rounds: Sequence[Sequence[Row]]) -> Figures:
    by_phase = {NAMES[rows[0]["phase"]]: rows for rows in zip(*rounds, strict=True)}
    return {name: _figure(rows) for name, rows in by_phase.items()}


def table(ours: Figures, other: Figures, other_name: str) -> str:
    head = (
        f"{'':<14}{'ours/s':>9}{f'{other_name}/s':>9}{'a':>7}"
        f"{'ours ms':>10}{f'{other_name} ms':>9}{'b':>7}"
        f"{'p50 ms':>10}{'p95 ms':>9}{f'{other_name} p95':>10}"
    )
    return "\n".join([head, *(_line(name, ours[name], other[name]) for name in ours)])


def summary(
    ours: Figures, bare: Figures, *, people: int, pss_mb: float, errors: int
) -> dict[str, Any]:
    """Sum up as docs/performance.md says; the list's milliseconds are server CPU a page."""
    return {
        "people": people,
        **{name: round(_cost(ours[name], bare[name]), 3) for name in RATIOS},
        "rate": {name: round(_rate(ours[name], bare[name]), 3) for name in RATIOS},
        "list_first_ms": round(ours["list_first"].cpu_ms, 2),
        "list_deep_ms": round(ours["list_deep"].cpu_ms, 2),
        "pss_mb": round(pss_mb, 1),
        "errors": errors,
    }


def _line(name: str, our: Figure, bare: Figure) -> str:
    return (
        f"{name:<14}{our.per_second:>9.0f}{bare.per_second:>9.0f}{_rate(our, bare):>7.2f}"
        f"{our.cpu_ms:>10.3f}{bare.cpu_ms:>9.3f}{_cost(our, bare):>7.2f}"
        f"{our.p50_ms:>10.2f}{our.p95_ms:>9.2f}{bare.p95_ms:>10.2f}"
    )


def _figure(rows: Sequence[Row]) -> Figure:
    return Figure(
        per_second=median(row["per_second"] for row in rows),
        cpu_ms=median(sum(row["server_cpu_ms"].values()) for row in rows),
        p50_ms=median(row["p50_ms"] for row in rows),
        p95_ms=median(row["p95_ms"] for row in rows),
    )


def _rate(ours: Figure, bare: Figure) -> float:
    return ours.per_second / bare.per_second if bare.per_second else 0.0


def _cost(ours: Figure, bare: Figure) -> float:
    return bare.cpu_ms / ours.cpu_ms if ours.cpu_ms else 0.0
