from rest_framework.pagination import CursorPagination


class ByCursor(CursorPagination):
    """Leads through any number of rows at a constant cost, in an order that never changes."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "id"
