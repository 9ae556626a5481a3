"""Pagination of long lists, without counting all rows."""

import json
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import IntegerField, QuerySet, Subquery
from django.utils.functional import cached_property

from people import tenancy
from people.models import Tenant

# Counting all rows of a large company would take longer than reading the page.
COUNTED_AT_MOST = 10_000


def counted(*lists: QuerySet[Any]) -> str:
    """Return the number of rows for pages: “214”, “about 1,000,000”, or “10,000+”."""
    if len(lists) == 1:
        count = _count(lists[0])
    else:
        # One query for all: the counts are columns of the row of the tenant, which always exists.
        tenants = Tenant.objects.filter(pk=tenancy.current_id())
        count = sum(tenants.values_list(*map(BoundedCount, lists)).get())
    about = estimate(lists[0]) if count > COUNTED_AT_MOST and len(lists) == 1 else 0
    return f"about {about:,}" if about else count_text(count)


def count_text(count: int) -> str:
    """Return the text of a bounded count: “214”, or “10,000+”."""
    return f"{COUNTED_AT_MOST:,}+" if count > COUNTED_AT_MOST else f"{count:,}"


def estimate(rows: QuerySet[Any]) -> int:
    """Return about how many rows there are, from the database's statistics; 0 if unknown.

    The result has two significant digits. SQLite has no such estimate.
    """
    if connection.vendor != "postgresql":
        return 0
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    number = int(plan[0]["Plan"]["Plan Rows"])
    # The statistics cannot tell whether there are a few more rows than were counted.
    return int(float(f"{number:.1e}")) if number > 2 * COUNTED_AT_MOST else 0


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("pk")[: COUNTED_AT_MOST + 1].count()


class BoundedCount(Subquery):
    """A subquery that counts the rows of a query up to one more than COUNTED_AT_MOST."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
    # Django does not ask the database about rows of which it knows that there are none.
    empty_result_set_value = 0

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[: COUNTED_AT_MOST + 1])


class BoundedPaginator(Paginator[Any]):
    """Shows only the first 10,000 rows. A search or a filter finds the others."""

    template_name = "components/_pager.html"
    object_list: QuerySet[Any]

    @cached_property
    def found(self) -> int:
        return _count(self.object_list)

    @cached_property
    def count(self) -> int:
        return min(self.found, COUNTED_AT_MOST)

    @cached_property
    def about(self) -> int:
        """Return about how many rows there are beyond those that are shown, 0 if unknown."""
        return estimate(self.object_list) if self.is_cut else 0

    @property
    def is_cut(self) -> bool:
        return self.found > COUNTED_AT_MOST
