"""What needs the attention of an administrator: one ranked list and one number.

The overview, the badge of Team updates and the API show the same list. Each app adds its items
with `AppHooks.attention`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db.models import Count, Min, QuerySet

from people import hooks
from people.presentation.page_links import COUNTED_AT_MOST


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
    # At most one more than COUNTED_AT_MOST.
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


@dataclass(frozen=True)
class Attention:
    """All items of the tenant in force, the most important first."""

    items: list[AttentionItem]

    @property
    def total(self) -> int:
        return sum(item.count for item in self.items)

    @property
    def is_exact(self) -> bool:
        return all(item.count <= COUNTED_AT_MOST for item in self.items)

    @property
    def label(self) -> str:
        """Return the number for the badge: “12”, or “10,000+”."""
        return number(self.total if self.is_exact else COUNTED_AT_MOST + 1)


def attention() -> Attention:
    """Collect the items of all apps. The number of queries does not depend on the rows."""
    return Attention(sorted(hooks.attention_items(), key=_rank))


def _rank(item: AttentionItem) -> tuple[int, float]:
    return item.severity, item.since.timestamp() if item.since else float("inf")


def counted_items(
    rows: QuerySet[Any],
    time: str,
    *,
    singular: str,
    plural: str,
    has_since: bool = True,
    **item: Any,
) -> Iterator[AttentionItem]:
    """Yield one item about all these rows, if there are any.

    :param time: the field by which the oldest row is found.
    :param singular, plural: the sentence after the count, without the period.
    :param has_since: whether `time` says when the need began.
    :param item: the other fields of the AttentionItem.
    """
    count, since = summarize(rows, time)
    if count:
        text = f"{quantity(count, singular, plural)}."
        yield AttentionItem(count=count, text=text, since=since if has_since else None, **item)


def summarize(rows: QuerySet[Any], time: str) -> tuple[int, datetime | None]:
    """Return how many rows there are, and the earliest value of the field `time`.

    It reads at most COUNTED_AT_MOST + 1 rows, the oldest ones.
    """
    oldest = rows.order_by(time).values("pk", time)[: COUNTED_AT_MOST + 1]
    found = oldest.aggregate(count=Count("pk"), since=Min(time))
    return found["count"], found["since"]


def number(count: int) -> str:
    return f"{COUNTED_AT_MOST:,}+" if count > COUNTED_AT_MOST else f"{count:,}"


def quantity(count: int, singular: str, plural: str) -> str:
    """Return the number with the word, such as “1 person” or “10,000+ people”."""
    return f"{number(count)} {singular if count == 1 else plural}"
