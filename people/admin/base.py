from typing import Any, NoReturn

from django.contrib.admin import ShowFacets
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from people.pages.access import administers
from people.pages.paging import BoundedPaginator


class CompanyAdmin(ModelAdmin):
    """What a tenant's administrators may see and change, and nobody else.

    `address` is where the pages are, below the root.
    """

    address: str
    # What an empty list says.
    nothing_yet = ""
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    # Counting what each choice would leave is counting everybody, once a choice.
    show_facets = ShowFacets.NEVER
    show_add_link = False
    # Addresses stay short enough to be sent to a colleague.
    preserve_filters = False
    list_fullwidth = True
    list_filter_submit = True
    empty_value_display = "—"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return administers(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return administers(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return administers(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return administers(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return administers(request.user)

    def get_urls(self) -> list[URLPattern]:
        """Leave out Django's history: ours is the events."""
        return [url for url in super().get_urls() if not (url.name or "").endswith("_history")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Write nothing: the operation records an event."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Write nothing: the operation records an event."""

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> NoReturn:
        raise Http404
