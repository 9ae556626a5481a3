"""The updates and refusals of the last day, by hour, for the chart and for the table beside it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Q
from django.db.models.functions import TruncHour

from scim.connections.inactivity import UPDATES
from scim.models import Connection

HOURS = 24
HEIGHT, WIDTH = 80, 20


class Bar(NamedTuple):
    """A rectangle of the chart, from the top left."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Hour:
    begins_at: datetime
    updates: int
    refusals: int
    updates_bar: Bar
    refusals_bar: Bar


@dataclass(frozen=True)
class LastDay:
    hours: list[Hour]
    updates: int
    refusals: int
    width: int = HOURS * WIDTH
    height: int = HEIGHT


def last_day_of(connection: Connection, now: datetime) -> LastDay:
    """Count the logged requests of the last hours."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    requests = connection.requests.filter(received_at__gte=first, retried_by="")
    rows = (
        requests.annotate(hour=TruncHour("received_at"))
        .values("hour")
        .annotate(
            updates=Count("pk", filter=UPDATES),
            refusals=Count("pk", filter=Q(status__gte=400)),
        )
    )
    counted = {row["hour"]: row for row in rows}
    return LastDay(
        hours=_hours(
            first, {hour: (row["updates"], row["refusals"]) for hour, row in counted.items()}
        ),
        updates=sum(row["updates"] for row in counted.values()),
        refusals=sum(row["refusals"] for row in counted.values()),
    )


def _hours(first: datetime, counts: dict[datetime, tuple[int, int]]) -> list[Hour]:
    highest = max(map(sum, counts.values()), default=0)
    hours = []
    for number in range(HOURS):
        begins_at = first + timedelta(hours=number)
        updates, refusals = counts.get(begins_at, (0, 0))
        below, above = _height(updates, highest), _height(refusals, highest)
        x = number * WIDTH
        hours.append(
            Hour(
                begins_at=begins_at,
                updates=updates,
                refusals=refusals,
                updates_bar=Bar(x, HEIGHT - below, below),
                refusals_bar=Bar(x, HEIGHT - below - above, above),
            )
        )
    return hours


def _height(count: int, highest: int) -> int:
    """Return the height of a bar; it is visible even for a single request."""
    # HEIGHT - 2, so that the tallest bar leaves room for a stacked bar of the minimum height.
    return max(2, round(count * (HEIGHT - 2) / highest)) if count else 0
