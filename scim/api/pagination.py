"""Which rows a page holds: by startIndex or by cursor, in an order that never changes.

Resources are listed by primary key, which grows and is never given twice. A cursor says
after which key to go on (RFC 9865). A startIndex is a number, and numbers shift when somebody
before them leaves; but providers walk in order, so each page leaves an anchor for the next
one: whoever stays is shown once, whatever happens to others in between.
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

USUAL_PAGE = 100
LARGEST_PAGE = 200


@dataclass(frozen=True)
class PageRequest:
    """Which page the client asks for (RFC 7644 section 3.4.2.4, RFC 9865 section 2)."""

    start_index: int = 1
    count: int = USUAL_PAGE
    cursor: str | None = None
    # Identifies the list: another filter or order is another list.
    query: str = ""

    @property
    def query_hash(self) -> str:
        return sha256(self.query.encode()).hexdigest()


def parse_page_request(start_index: Any, count: Any, cursor: Any, query: str) -> PageRequest:
    """Read the paging parameters; values that are too small are raised to the minimum.

    :raises InvalidValueException: if a number is not one, or a cursor no text.
    """
    if not isinstance(cursor, str | None):
        raise InvalidValueException(detail="“cursor” must be a string.")
    first = _number("startIndex", start_index, 1)
    many = _number("count", count, USUAL_PAGE)
    return PageRequest(max(first, 1), min(max(many, 0), LARGEST_PAGE), cursor, query)


def _number(name: str, given: Any, usual: int) -> int:
    if given in (None, ""):
        return usual
    try:
        number = int(given)
    except (TypeError, ValueError):
        raise InvalidValueException(detail=f"“{name}” must be a whole number.") from None
    return min(number, 2**31)


class Page(NamedTuple):
    rows: list[Any]
    goes_on: bool
    total: int


def page(
    request: ScimRequest, rows: QuerySet[Any], wished: PageRequest, *, sorted_by_key: bool
) -> Page:
    """Return the rows of the page in order, whether more come after it, and how many there are.

    `rows` come ordered. When that is by primary key, pages go on after a key; another
    order can only be counted through. Whoever was shown on an earlier page of the walk and
    has left since is still counted: providers stop at the total, and would miss as many at
    the end.
    """
    offset, after = beginning(wished)
    if wished.cursor is None and sorted_by_key and offset:
        # One question less than to read the anchor first; where none was left, nothing is found.
        since = rows.filter(pk__gt=Subquery(_anchors(request, wished).values("after")[:1]))
        anchored = _page(since, 0, wished, shown=offset)
        if anchored.rows:
            return anchored
    if after:
        return _page(rows.filter(pk__gt=after), 0, wished, shown=offset)
    return _page(rows, offset, wished, shown=0)


def _page(rows: QuerySet[Any], skipped: int, wished: PageRequest, *, shown: int) -> Page:
    found = list(rows[skipped : skipped + wished.count + 1]) if wished.count else []
    return paged(found, wished, skipped + shown, lambda: shown + rows.count())


def paged(found: list[Any], wished: PageRequest, before: int, count: Callable[[], int]) -> Page:
    """Make the page of what was found, one more than it holds if it goes on after so many.

    They are counted unless the page is the last: then it says by itself how many there are.
    """
    rows, goes_on = found[: wished.count], len(found) > wished.count
    is_last = bool(rows) and not goes_on
    return Page(rows, goes_on and bool(rows), before + len(rows) if is_last else count())


def beginning(wished: PageRequest) -> tuple[int, int]:
    """Return how many rows come before the page, and after which key it begins, if known."""
    if not wished.cursor:
        return wished.start_index - 1, 0
    position = decrypt_cursor(wished.cursor, wished.query, wished.count)
    return position["offset"], position["after"]


def shown_before(wished: PageRequest) -> int:
    return beginning(wished)[0]


def next_cursor(wished: PageRequest, shown: int, last: int, *, sorted_by_key: bool) -> str:
    """Return the cursor of the next page, `shown` rows from the top and after `last`."""
    position = {"offset": shown, "after": last if sorted_by_key else 0}
    return encrypt_cursor(wished.query, wished.count, position)


def leave_anchor(request: ScimRequest, wished: PageRequest, shown: int, last: int) -> None:
    """Remember where the page ended, for when the provider asks for the next."""
    anchor = PaginationAnchor(
        tenant_id=request.connection.tenant_id,
        connection=request.connection,
        query_hash=wished.query_hash,
        start_index=wished.start_index + shown,
        after=last,
        made_at=timezone.now(),
    )
    PaginationAnchor.objects.bulk_create(
        [anchor],
        update_conflicts=True,
        unique_fields=["connection", "query_hash", "start_index"],
        update_fields=["after", "made_at"],
    )


def _anchors(request: ScimRequest, wished: PageRequest) -> QuerySet[PaginationAnchor]:
    return PaginationAnchor.objects.filter(
        connection=request.connection, query_hash=wished.query_hash, start_index=wished.start_index
    )
