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
    counts = _columns(tenant, {one.code: BoundedCount(one.rows) for one in rows})
    oldest = {
        one.code: Subquery(one.rows.order_by(one.time).values(one.time)[:1])
        for one in rows
        if one.time and counts[one.code] and with_times
    }
    times = _columns(tenant, oldest)
    items = [one for one in found if isinstance(one, AttentionItem)]
    items += [_item(one, counts[one.code], times.get(one.code)) for one in rows if counts[one.code]]
    return Attention(sorted(items, key=_rank))


def _columns(tenant: Tenant, subqueries: dict[str, Subquery]) -> dict[str, Any]:
    """Return the values of the subqueries, with one query; without any, ask nothing."""
    if not subqueries:
        return {}
    # They are columns of one row: that of the tenant, which always exists.
    values = Tenant.objects.filter(pk=tenant.pk).values_list(*subqueries.values()).get()
    return dict(zip(subqueries, values, strict=True))


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
