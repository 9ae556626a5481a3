"""Counts rows by day for the charts of the overview.

Rows are counted once, in the order of their keys, when they are a few minutes old: by then, the
transactions that took lower keys have ended.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from time import monotonic
from typing import Any, Final

from django.db import transaction

from people import hooks, tenancy
from people.hooks import CountedRows
from people.models import CountedSource, DailyCount

# Longer than any transaction.
SETTLED_AFTER: Final = timedelta(minutes=3)
ROWS_A_BATCH: Final = 10_000
SECONDS: Final = 30
# How many days the charts show.
DAYS: Final = 30

Key = tuple[int, str, date]


def count_days(*, as_of: datetime, seconds: float = SECONDS) -> int:
    """Count the rows since the last run, as many as time allows; return their number."""
    until, counted = monotonic() + seconds, 0
    with tenancy.across_tenants():
        for source in hooks.counted_rows():
            while number := _count_batch(source, as_of):
                counted += number
                if monotonic() > until:
                    return counted
    return counted


@transaction.atomic
def _count_batch(source: CountedRows, as_of: datetime) -> int:
    CountedSource.objects.get_or_create(name=source.name)
    # Another process may run the same job.
    mark = CountedSource.objects.select_for_update().get(name=source.name)
    rows = source.model.objects.filter(pk__gt=mark.last_id).order_by("pk")
    values = rows.values_list("pk", "tenant_id", source.time, *source.fields)[:ROWS_A_BATCH]
    settled = list(takewhile(lambda row: row[2] <= as_of - SETTLED_AFTER, values))
    if settled:
        _add_counts(source, settled, as_of)
        mark.last_id = settled[-1][0]
        mark.save(update_fields=["last_id"])
    return len(settled)


def _add_counts(source: CountedRows, rows: list[Any], as_of: datetime) -> None:
    """Count the rows, and add them to the stored counts.

    The lock of the source keeps other runs away from its counts.
    """
    first = as_of.astimezone(UTC).date() - timedelta(days=DAYS)
    counts: Counter[Key] = Counter()
    for _, tenant_id, at, *values in rows:
        day, metric = at.astimezone(UTC).date(), source.metric(*values)
        if metric and day >= first:
            counts[tenant_id, metric, day] += 1
    tenants, _, days = map(set, zip(*counts, strict=True)) if counts else ((), (), ())
    stored = DailyCount.objects.filter(tenant__in=tenants, day__in=days)
    for tenant_id, metric, day, count in stored.values_list("tenant_id", "metric", "day", "count"):
        if (tenant_id, metric, day) in counts:
            counts[tenant_id, metric, day] += count
    DailyCount.objects.bulk_create(
        [
            DailyCount(tenant_id=tenant_id, metric=metric, day=day, count=count)
            for (tenant_id, metric, day), count in counts.items()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "metric", "day"],
        update_fields=["count"],
    )
