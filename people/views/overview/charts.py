"""The charts of the last month, from counts that a job stores by day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from people.models import DailyCount, Event, Person
from people.operations.daily_counts import DAYS
from people.presentation.bar_chart import BarChart, bar_chart

Kind, Metric, State = Event.Kind, DailyCount.Metric, Person.State


class MonthCharts(NamedTuple):
    # Arrivals below, leavers above.
    people: BarChart
    # Sign-ins below, refusals above.
    sign_ins: BarChart


def month_charts(now: datetime) -> MonthCharts:
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    rows = DailyCount.objects.filter(day__gte=days[0])
    counts = {(metric, day): n for metric, day, n in rows.values_list("metric", "day", "count")}
    return MonthCharts(
        people=bar_chart(_pairs(counts, days, Metric.ARRIVALS, Metric.LEAVERS)),
        sign_ins=bar_chart(_pairs(counts, days, Metric.SIGN_INS, Metric.REFUSALS)),
    )


def _pairs(
    counts: Mapping[tuple[str, date], int], days: list[date], lower: str, upper: str
) -> dict[date, tuple[int, int]]:
    return {day: (counts.get((lower, day), 0), counts.get((upper, day), 0)) for day in days}


def metric_of(kind: str, state_before: str | None) -> str | None:
    """Return as what the overview counts an event."""
    match kind:
        case Kind.PERSON_ADDED | Kind.PERSON_RETURNED | Kind.PERSON_REACTIVATED:
            return Metric.ARRIVALS
        case Kind.PERSON_DEACTIVATED:
            return Metric.LEAVERS
        # Inactive people left when they were deactivated.
        case Kind.PERSON_TERMINATED if state_before != State.INACTIVE:
            return Metric.LEAVERS
        case _:
            return None
