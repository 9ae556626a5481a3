"""The updates and refusals of the last day, by hour, for the chart and for the table beside it."""

from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour

from people.presentation.bar_chart import BarChart, bar_chart
from scim.connections.inactivity import UPDATES
from scim.models import Connection

HOURS = 24


def last_day_of(connection: Connection, now: datetime) -> BarChart:
    """Count the logged requests of the last hours: the updates below, the refusals above."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    requests = connection.requests.filter(received_at__gte=first, retried_by="")
    rows = (
        requests.annotate(hour=TruncHour("received_at", tzinfo=UTC))
        .values("hour")
        .annotate(
            updates=Count("pk", filter=UPDATES),
            refusals=Count("pk", filter=Q(status__gte=400)),
        )
    )
    counted = {row["hour"]: (row["updates"], row["refusals"]) for row in rows}
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    return bar_chart({hour: counted.get(hour, (0, 0)) for hour in hours})
