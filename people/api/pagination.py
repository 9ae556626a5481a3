from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination


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

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        try:
            page: Any = super().paginate_queryset(queryset, request, view)
        # DRF answers an undecodable cursor with 404, as if the list did not exist. A cursor that
        # was decoded but contains no valid key fails in Django, which would be answered with 500.
        except (NotFound, DjangoValidationError) as error:
            message = "Invalid cursor. Start again without it."
            raise ValidationError({self.cursor_query_param: message}) from error
        # Links start with PUBLIC_BASE_URL, not with the Host header.
        self.base_url = f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
        return page


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
