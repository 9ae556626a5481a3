from typing import Any, NoReturn

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldBooleanWidget

from people.presentation.lookup_widgets import LookupField, LookupWidget
from people.presentation.page_links import BoundedPaginator
from people.values import PeopleError
from people.views.permissions import is_tenant_admin


class CompanyAdmin(ModelAdmin):
    """The base of all model admins that a tenant's administrators may use.

    `address` is the path of the pages below the root.
    """

    address: str
    # The text of an empty list.
    nothing_yet = ""
    # The heading of an empty list that hides some rows by default.
    nothing_heading = ""
    paginator = BoundedPaginator
    list_per_page = 50
    # “Show all” would load all people of a company into one page.
    list_max_show_all = 0
    # The total beside the number of matches would cost a second COUNT for each search.
    show_full_result_count = False
    # Facet counts would need one COUNT of all rows for each choice.
    show_facets = ShowFacets.NEVER
    show_add_link = False
    # Keeps URLs short enough to send to a colleague.
    preserve_filters = False
    list_fullwidth = True
    list_filter_submit = True
    # Labels above the fields, as in all other forms.
    compressed_fields = False
    empty_value_display = "—"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_tenant_admin(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_tenant_admin(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_tenant_admin(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_tenant_admin(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_tenant_admin(request.user)

    def get_urls(self) -> list[URLPattern]:
        """Leave out Django's history pages. Events are the history."""
        return [url for url in super().get_urls() if not (url.name or "").endswith("_history")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {"show_save_and_continue": False, "show_save_and_add_another": False}
        context |= extra_context or {}
        try:
            page: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        except PeopleError as error:
            # The form was valid, but a concurrent change made the operation fail.
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        return page

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Run the action for the selected rows. Invalid keys, which would raise, are removed."""
        chosen = request.POST.copy()
        keys = [key for key in chosen.getlist(ACTION_CHECKBOX_NAME) if self._is_key(key)]
        chosen.setlist(ACTION_CHECKBOX_NAME, keys)
        # Django reads the keys from request.POST, which cannot be changed in place.
        request.POST = chosen  # type: ignore[assignment]
        response: HttpResponse | None = super().response_action(request, queryset)
        return response

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.clean(text, None)
        except ValidationError:
            return False
        return True

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            widget = LookupWidget(db_field, self.admin_site)
            kwargs |= {"form_class": LookupField, "widget": widget}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """Remove Django's buttons that open related objects in popup windows."""
        field = super().formfield_for_dbfield(*args, **kwargs)
        if field:
            # The buttons come from RelatedFieldWidgetWrapper, which Django puts around the widget.
            field.widget = getattr(field.widget, "widget", field.widget)
        return field

    def action_checkbox(self, obj: Model) -> SafeString:
        """Return the checkbox of a row, named after the row for screen readers."""
        attributes = {"class": "action-select", "aria-label": f"Select {obj}"}
        checkbox = UnfoldBooleanWidget(attributes, lambda _: False)
        rendered: SafeString = checkbox.render(ACTION_CHECKBOX_NAME, str(obj.pk))
        return rendered

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Do nothing: the operation records an event."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Do nothing: the operation records an event."""

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> NoReturn:
        # Django would redirect to its index page, so an outdated link would not be answered with
        # 404.
        raise Http404
