"""What needs the attention of an administrator: one ranked list and one number.

The overview, the badge of Team updates and the API show the same list. Each app adds its items
with `AppHooks.attention`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db.models import QuerySet, Subquery

from people import hooks
from people.models import Tenant
from people.presentation import page_links
from people.presentation.page_links import BoundedCount


class Severity(IntEnum):
    """How much an item matters. The list begins with the lowest number."""

    # People cannot get in or out, or updates are lost.
    ERROR = 1
    # Somebody waits for a decision.
    WARNING = 2
    # Work was begun and not finished. Nothing is wrong meanwhile.
    INFO = 3


@dataclass(frozen=True, kw_only=True)
class AttentionItem:
    """A line of the list: what is wrong, and the page on which to resolve it."""

    # Stable: programs read it.
    code: str
    severity: Severity
    # At most one more than `page_links.COUNTED_AT_MOST`.
    count: int
    # A sentence that contains the count.
    text: str
    # The label of the link.
    action: str
    url: str
    # When the oldest of what is counted began; None if that is not known.
    since: datetime | None = None

    @property
    def level(self) -> str:
        return self.severity.name.lower()


@dataclass(frozen=True, kw_only=True)
class AttentionRows:
    """Rows that become one AttentionItem with their number. Without rows, there is no item."""

    rows: QuerySet[Any]
    # Others of the same kind, if a condition on all of them together would be slow.
    more_rows: QuerySet[Any] | None = None
    # The field that says when the need of a row began, if one does.
    time: str = ""
    code: str
    severity: Severity
    # The sentence after the count, without the period.
    singular: str
    plural: str
    action: str
    url: str
    # Returns the text and the URL for a single row, or None if the row is gone meanwhile.
    of_one: Callable[[], tuple[str, str] | None] = lambda: None

    @property
    def lists(self) -> list[QuerySet[Any]]:
        return [self.rows] if self.more_rows is None else [self.rows, self.more_rows]


@dataclass(frozen=True)
class Attention:
    """All items of the tenant in force, the most important first."""

    items: list[AttentionItem]

    @property
    def total(self) -> int:
        return sum(item.count for item in self.items)

    @property
    def is_exact(self) -> bool:
        return all(item.count <= page_links.COUNTED_AT_MOST for item in self.items)

    @property
    def label(self) -> str:
        """Return the number for the badge: “12”, or “10,000+”."""
        return number(self.total if self.is_exact else page_links.COUNTED_AT_MOST + 1)


def attention(tenant: Tenant, *, with_times: bool = True) -> Attention:
    """Collect the items of all apps for the tenant, which is in force.

    One query counts the rows of all AttentionRows, and one finds since when there have been any.

    :param with_times: False for the number alone; then `since` is None for these.
    """
    found = list(hooks.attention_items(tenant))
    rows = [one for one in found if isinstance(one, AttentionRows)]
    counts = _columns(tenant, {one.code: list(map(BoundedCount, one.lists)) for one in rows})
    oldest = {
        one.code: [Subquery(part.order_by(one.time).values(one.time)[:1]) for part in one.lists]
        for one in rows
        if one.time and sum(counts[one.code]) and with_times
    }
    times = _columns(tenant, oldest)
    items = [one for one in found if isinstance(one, AttentionItem)]
    for one in rows:
        since = min(filter(None, times.get(one.code, ())), default=None)
        if count := min(sum(counts[one.code]), page_links.COUNTED_AT_MOST + 1):
            items.append(_item(one, count, since))
    return Attention(sorted(items, key=_rank))


def _columns(tenant: Tenant, subqueries: dict[str, list[Subquery]]) -> dict[str, list[Any]]:
    """Return the values of the subqueries, with one query; without any, ask nothing."""
    if not subqueries:
        return {}
    # They are columns of one row: that of the tenant, which always exists.
    columns = [one for of_name in subqueries.values() for one in of_name]
    values = iter(Tenant.objects.filter(pk=tenant.pk).values_list(*columns).get())
    return {name: [next(values) for _ in of_name] for name, of_name in subqueries.items()}


def _item(one: AttentionRows, count: int, since: datetime | None) -> AttentionItem:
    usual = f"{quantity(count, one.singular, one.plural)}.", one.url
    text, url = (one.of_one() if count == 1 else None) or usual
    return AttentionItem(
        code=one.code,
        severity=one.severity,
        count=count,
        text=text,
        action=one.action,
        url=url,
        since=since,
    )


def _rank(item: AttentionItem) -> tuple[int, float]:
    return item.severity, item.since.timestamp() if item.since else float("inf")


def number(count: int) -> str:
    most = page_links.COUNTED_AT_MOST
    return f"{most:,}+" if count > most else f"{count:,}"


def quantity(count: int, singular: str, plural: str) -> str:
    """Return the number with the word, such as “1 person” or “10,000+ people”."""
    return f"{number(count)} {singular if count == 1 else plural}"
