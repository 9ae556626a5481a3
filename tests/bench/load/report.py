"""What was measured, as rows and as a table."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.bench.load.phase import Outcome

Row = dict[str, Any]


def row(phase: str, outcomes: Sequence[Outcome], processes: int) -> Row:
    by_kind: dict[str, list[float]] = {}
    errors: Counter[str] = Counter()
    for outcome in outcomes:
        errors.update(outcome.errors)
        for kind, times in outcome.latencies.items():
            by_kind.setdefault(kind, []).extend(times)
    return {
        "phase": phase,
        **_summary([time for times in by_kind.values() for time in times]),
        **_speed(phase, outcomes, processes, done=sum(map(len, by_kind.values()))),
        "errors": sum(errors.values()),
        "error_samples": dict(errors.most_common(5)),
        **_kinds(by_kind),
    }


def show_head(*, with_server_cpu: bool) -> None:
    print(
        f"{'phase':<12}{'requests':>8}{'seconds':>9}{'per sec':>11}"
        f"{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'errors':>8}{'client':>9}"
        + ("  server CPU ms/request" if with_server_cpu else "")
    )


def show(row: Row) -> None:
    costs = "".join(f"  {name} {ms:.2f}" for name, ms in row["server_cpu_ms"].items())
    print(
        f"{row['phase']:<12}{row['requests']:>8}{row['seconds']:>9.2f}{row['per_second']:>11.1f}"
        f"{_latencies(row)}{row['errors']:>8}{row['client_cpu_share']:>9.0%}{costs}",
        flush=True,
    )
    for kind, part in row.get("kinds", {}).items():
        print(f"  {kind:<10}{part['requests']:>8}{'':>20}{_latencies(part)}")
    for text, times in row["error_samples"].items():
        print(f"  ! {times} x {text}", flush=True)


def _speed(phase: str, outcomes: Sequence[Outcome], processes: int, *, done: int) -> Row:
    wall = max(o.ended for o in outcomes) - min(o.started for o in outcomes)
    cpu = sum(o.cpu for o in outcomes)
    speed = {
        "seconds": round(wall, 3),
        "per_second": round(done / wall, 1) if wall else 0.0,
        "reconnects": sum(o.reconnects for o in outcomes),
        "client_cpu_share": round(cpu / wall / processes, 3),
        "client_us_per_request": round(cpu / max(1, done) * 1e6, 1),
    }
    if phase.startswith("list"):
        speed["resources_per_second"] = round(sum(o.resources for o in outcomes) / wall, 1)
    return speed


def _kinds(by_kind: dict[str, list[float]]) -> Row:
    kinds = {kind: _summary(times) for kind, times in sorted(by_kind.items())}
    return {"kinds": kinds} if len(kinds) > 1 else {}


def _summary(times: list[float]) -> Row:
    times.sort()
    ms = {f"p{p}_ms": round(_percentile(times, p / 100) * 1e3, 3) for p in (50, 95, 99)}
    return {"requests": len(times), **ms, "max_ms": round(_percentile(times, 1.0) * 1e3, 3)}


def _percentile(ordered: Sequence[float], share: float) -> float:
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _latencies(part: Row) -> str:
    return f"{part['p50_ms']:>10.2f}{part['p95_ms']:>10.2f}{part['p99_ms']:>10.2f}"
