from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Q, QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination

from people.models import Person

INVALID_CURSOR = "Invalid cursor. Start again without it."


class PersonCursorPagination(CursorPagination):
    """Paginates any number of rows at a constant cost, in a stable order."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    # The id never changes. In the order of names, a renamed person could move to a page that the
    # program has read already.
    ordering: str | tuple[str, ...] = "id"

    def get_page_size(self, request: Any) -> int:
        """Return the page size. Larger values are reduced to the maximum."""
        value = request.query_params.get(self.page_size_query_param)
        if value is None:
            return self.page_size
        if not (value.isascii() and value.isdigit() and value.strip("0")):
            raise ValidationError({self.page_size_query_param: "Send an integer greater than 0."})
        # Longer numbers exceed the maximum, and int() refuses numbers of more than 4,300 digits.
        return self.max_page_size if len(value) > 9 else min(int(value), self.max_page_size)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the two parameters as this API takes them."""
        return [
            {
                "name": self.cursor_query_param,
                "in": "query",
                "required": False,
                "description": "The place at which the page begins. Follow the link `next` "
                "instead of making one.",
                "schema": {"type": "string", "format": "cursor", "minLength": 1},
            },
            {
                "name": self.page_size_query_param,
                "in": "query",
                "required": False,
                "description": f"The number of rows. {self.page_size} by default; a number above "
                f"{self.max_page_size} means {self.max_page_size}.",
                "schema": {"type": "integer", "minimum": 1, "default": self.page_size},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page of rows with this schema."""
        link = {"type": ["string", "null"], "format": "uri", "example": None}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link | {"description": "The next page; null on the last one."},
                "previous": link | {"description": "The page before; null on the first one."},
                "results": schema,
            },
        }

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        try:
            page: Any = self.read_page(queryset, request, view)
        # DRF answers an undecodable cursor with 404, as if the list did not exist. A cursor that
        # was decoded but contains no valid key fails in Django, which would be answered with 500.
        except (NotFound, DjangoValidationError) as error:
            raise ValidationError({self.cursor_query_param: INVALID_CURSOR}) from error
        # Links start with PUBLIC_BASE_URL, not with the Host header.
        self.base_url = f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
        return page

    def read_page(self, queryset: Any, request: Any, view: Any) -> Any:
        """Return the rows of the page that the cursor of the request names."""
        return super().paginate_queryset(queryset, request, view)


class ChangedPeoplePagination(PersonCursorPagination):
    """Paginates by id, or by the time of the change for programs that send `changed_since`.

    DRF's cursor contains only that time, and counts the rows that have the same one. It cannot
    continue after 1,000 such rows, and the new name of a department changes all its people at once.
    So this cursor contains the time and the id of the last row.
    """

    last: Person | None = None

    def read_page(self, queryset: QuerySet[Person], request: Any, view: Any) -> Any:
        if "changed_since" not in request.query_params:
            return super().read_page(queryset, request, view)
        # DRF sets the first two in its own paginate_queryset, which this replaces.
        self.request, self.page_size = request, self.get_page_size(request)
        cursor = self.decode_cursor(request)
        if cursor and cursor.position:
            at, key = _place(str(cursor.position))
            later = Q(changed_at__gt=at) | Q(pk__gt=key)
            # Together they say (changed_at, pk) > place; the second one bounds the index scan.
            queryset = queryset.filter(later, changed_at__gte=at)
        rows = list(queryset.order_by("changed_at", "pk")[: self.page_size + 1])
        self.page = rows[: self.page_size]
        self.has_previous, self.has_next = False, len(rows) > self.page_size
        self.last = self.page[-1] if self.has_next else None
        return self.page

    def get_next_link(self) -> str | None:
        if not self.last:
            link: str | None = super().get_next_link()
            return link
        position = f"{self.last.changed_at.isoformat()} {self.last.pk}"
        # The stubs say int, but DRF's own positions are texts, too.
        return self.encode_cursor(Cursor(0, False, position))  # type: ignore[arg-type]  # noqa: FBT003


def _place(position: str) -> tuple[datetime, UUID]:
    """Return the time and the id in the position.

    :raises NotFound: if it contains none, as DRF raises for a cursor that it cannot decode.
    """
    at, _, key = position.partition(" ")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise NotFound(INVALID_CURSOR)
        return moment, UUID(key)
    except ValueError as error:
        raise NotFound(INVALID_CURSOR) from error


class NewestFirstPagination(PersonCursorPagination):
    ordering = ("-decided_at", "id")


class AuditLogPagination(PersonCursorPagination):
    ordering = ("-happened_at", "-id")

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the order: the oldest first for programs that follow the log with `after`."""
        if "after" in request.query_params:
            return ("happened_at", "id")
        return ("-happened_at", "-id")


class EventFeedPagination(PersonCursorPagination):
    ordering = ("happened_at", "id")
