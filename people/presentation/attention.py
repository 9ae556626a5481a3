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


def attention(tenant: Tenant) -> Attention:
    """Collect the items of all apps for the tenant, which is in force.

    One query counts the rows of all AttentionRows.
    """
    found = list(hooks.attention_items(tenant))
    rows = [one for one in found if isinstance(one, AttentionRows)]
    items = [one for one in found if isinstance(one, AttentionItem)]
    return Attention(sorted([*items, *_counted(tenant, rows)], key=_rank))


def _counted(tenant: Tenant, found: list[AttentionRows]) -> list[AttentionItem]:
    columns: dict[str, Any] = {}
    for place, one in enumerate(found):
        bounded = one.rows.order_by().values("pk")[: page_links.COUNTED_AT_MOST + 1]
        columns[f"count_{place}"] = BoundedCount(bounded)
        if one.time:
            oldest = one.rows.order_by(one.time).values(one.time)[:1]
            columns[f"since_{place}"] = Subquery(oldest)
    # The counts are columns of one row: that of the tenant, which always exists.
    values = Tenant.objects.filter(pk=tenant.pk).values(**columns).get()
    return [
        _item(one, count, values.get(f"since_{place}"))
        for place, one in enumerate(found)
        if (count := values[f"count_{place}"])
    ]


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
