from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination


class PersonCursorPagination(CursorPagination):
    """Leads through any number of rows at a constant cost, in an order that never changes."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering: str | tuple[str, ...] = "id"

    def get_page_size(self, request: Any) -> int:
        """Return how many rows a page has; more than the most are cut to that."""
        said = request.query_params.get(self.page_size_query_param)
        if said is None:
            return self.page_size
        if not (said.isascii() and said.isdigit() and said.strip("0")):
            raise ValidationError({self.page_size_query_param: "Send an integer greater than 0."})
        return self.max_page_size if len(said) > 9 else min(int(said), self.max_page_size)

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        try:
            page: Any = super().paginate_queryset(queryset, request, view)
        except (NotFound, DjangoValidationError) as error:
            said = "Invalid cursor. Start again without it."
            raise ValidationError({self.cursor_query_param: said}) from error
        # What the links begin with, whatever host the request names.
        self.base_url = f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
        return page


class NewestFirstPagination(PersonCursorPagination):
    ordering = ("-decided_at", "id")
