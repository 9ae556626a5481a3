"""Pagination by startIndex or by cursor (RFC 9865), in an order that never changes.

Resources are listed by primary key, which only grows. A cursor contains the key after which the
next page begins. A startIndex is a position, and positions shift when a row before them is
deleted. Providers request pages in order, so each page stores an anchor, the key after which the
next page begins: a row that stays is returned exactly once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from django.db.models import QuerySet, Subquery
from django.utils import timezone
from scim2_models import InvalidValueException

from scim.api.cursors import decrypt_cursor, encrypt_cursor
from scim.api.request import ScimRequest
from scim.models import PaginationAnchor

# Okta requests 100 users per page.
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 200


@dataclass(frozen=True)
class PageRequest:
    """The requested page (RFC 7644 section 3.4.2.4, RFC 9865 section 2)."""

    start_index: int = 1
    count: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    # Identifies the list: another filter or order is another list.
    query: str = ""

    @property
    def query_hash(self) -> str:
        return sha256(self.query.encode()).hexdigest()


def parse_page_request(start_index: Any, count: Any, cursor: Any, query: str) -> PageRequest:
    """Read the pagination parameters; values out of range are set to the nearest limit.

    :raises InvalidValueException: if `startIndex` or `count` is not a number, or `cursor` not a
        string.
    """
    if not isinstance(cursor, str | None):
        raise InvalidValueException(detail="“cursor” must be a string.")
    first = _parse_number("startIndex", start_index, 1)
    many = _parse_number("count", count, DEFAULT_PAGE_SIZE)
    return PageRequest(max(first, 1), min(max(many, 0), MAX_PAGE_SIZE), cursor, query)


def _parse_number(name: str, value: Any, default: int) -> int:
    if value in (None, ""):
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise InvalidValueException(detail=f"“{name}” must be a whole number.") from None
    # PostgreSQL accepts no OFFSET or LIMIT beyond 64 bits; no list is this long.
    return min(number, 2**31)


class Page(NamedTuple):
    rows: list[Any]
    has_more: bool
    total: int
    # What the next page needs to know its total without counting; see `fast_queries.USERS_PAGE`.
    moved: int | None = None
    surplus: int | None = None


class Position(NamedTuple):
    """The number of rows before a page, and the key after which it begins, 0 if unknown."""

    offset: int
    after: int
    moved: int | None = None
    surplus: int | None = None


def page(
    request: ScimRequest, rows: QuerySet[Any], page_request: PageRequest, *, sorted_by_key: bool
) -> Page:
    """Return one page of the ordered rows.

    If they are ordered by primary key, the page begins after a key; in any other order it begins
    at an offset. The total includes rows that earlier pages returned and that were deleted since:
    providers stop at the total, and would otherwise miss as many rows at the end.

    :raises SCIMException: if the cursor is not valid, has expired or belongs to another list.
    """
    offset, after, *_ = start_position(page_request)
    if page_request.cursor is None and sorted_by_key and offset:
        # The anchor is a subquery, which saves a query. Without an anchor it finds no rows.
        since = rows.filter(pk__gt=Subquery(_anchors(request, page_request).values("after")[:1]))
        anchored = _page(since, 0, page_request, shown=offset)
        if anchored.rows:
            return anchored
    if after:
        return _page(rows.filter(pk__gt=after), 0, page_request, shown=offset)
    return _page(rows, offset, page_request, shown=0)


def _page(rows: QuerySet[Any], skipped: int, page_request: PageRequest, *, shown: int) -> Page:
    found = list(rows[skipped : skipped + page_request.count + 1]) if page_request.count else []
    return build_page(found, page_request, skipped + shown, lambda: shown + rows.count())


def build_page(
    found: list[Any], page_request: PageRequest, before: int, count: Callable[[], int]
) -> Page:
    """Return the page; `found` has one row more than fits if another page follows.

    `before` rows come before the page. `count` is called only if the page is not the last one,
    because the last one shows the total by itself.
    """
    rows, has_more = found[: page_request.count], len(found) > page_request.count
    is_last = bool(rows) and not has_more
    return Page(rows, has_more and bool(rows), before + len(rows) if is_last else count())


def start_position(page_request: PageRequest) -> Position:
    """Return where the page begins.

    :raises SCIMException: if the cursor is not valid, has expired or belongs to another list.
    """
    if not page_request.cursor:
        return Position(page_request.start_index - 1, 0)
    return Position(**decrypt_cursor(page_request.cursor, page_request.query, page_request.count))


def next_cursor(page_request: PageRequest, page: Page, *, sorted_by_key: bool) -> str:
    """Return the cursor of the page that follows this one."""
    shown = start_position(page_request).offset + len(page.rows)
    # In another order the key does not tell where the next page begins.
    last = page.rows[-1].pk if sorted_by_key else 0
    position = {"offset": shown, "after": last, "moved": page.moved, "surplus": page.surplus}
    return encrypt_cursor(page_request.query, page_request.count, position)


def store_anchor(request: ScimRequest, page_request: PageRequest, shown: int, last: int) -> None:
    """Store the key after which the next page begins."""
    anchor = PaginationAnchor(
        tenant_id=request.connection.tenant_id,
        connection=request.connection,
        query_hash=page_request.query_hash,
        start_index=page_request.start_index + shown,
        after=last,
        made_at=timezone.now(),
    )
    PaginationAnchor.objects.bulk_create(
        [anchor],
        update_conflicts=True,
        unique_fields=["connection", "query_hash", "start_index"],
        update_fields=["after", "made_at"],
    )


def _anchors(request: ScimRequest, page_request: PageRequest) -> QuerySet[PaginationAnchor]:
    return PaginationAnchor.objects.filter(
        connection=request.connection,
        query_hash=page_request.query_hash,
        start_index=page_request.start_index,
    )
