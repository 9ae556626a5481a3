from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


class ByCursor(CursorPagination):
    """Leads through any number of rows at a constant cost, in an order that never changes."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "id"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        try:
            page: Any = super().paginate_queryset(queryset, request, view)
        except DjangoValidationError as error:
            raise NotFound from error  # A cursor of somebody's own making.
        # What the links begin with, whatever host the request names.
        self.base_url = f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
        return page
