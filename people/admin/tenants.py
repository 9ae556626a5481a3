from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.decorators import display

from people import hooks, tenancy
from people.admin.filters import TenantStatusFilter
from people.admin.model_admin import CompanyAdmin
from people.models import Person, Tenant
from people.presentation.page_links import BoundedCount, count_text
from people.provider_facts import TenantActivity
from people.templatetags.relative_time import ago
from people.views.permissions import is_operator, is_tenant_admin
from people.views.tenants import add_tenant


@admin.register(Tenant)
class TenantAdmin(CompanyAdmin):
    """The list of tenants for operators, who cannot see the data of a tenant."""

    address = "tenants/"
    nothing_yet = "Add the first company."
    list_display = ("called", "slug", "domain", "status_name", "people", "last_sync", "sync_errors")
    # The name links to the tenant's settings. Operators have no change page.
    list_display_links = None
    list_filter = (TenantStatusFilter,)
    search_fields = ("name", "slug", "domain")
    search_help_text = "Name, slug or domain"
    ordering = ("name", "pk")
    actions = None

    def get_urls(self) -> list[URLPattern]:
        add = path("add/", self.admin_site.admin_view(add_tenant), name="people_tenant_add")
        return [add, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        # The list counts the people of all tenants, while the operator's own tenant is in force.
        with tenancy.across_tenants():
            people = Person.objects.in_lists().filter(tenant=OuterRef("pk"))
        tenants: QuerySet[Tenant] = super().get_queryset(request).filter(is_sandbox=False)
        return tenants.annotate(people=BoundedCount(people))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the activity of the tenants on the page, which only other apps know."""
        with tenancy.across_tenants():
            changelist: ChangeList = super().get_changelist_instance(request)
            tenants: Sequence[Any] = list(changelist.result_list)
        activity = hooks.tenant_activity([tenant.pk for tenant in tenants])
        for tenant in tenants:
            tenant.activity = activity.get(tenant.pk, TenantActivity())
        changelist.result_list = tenants
        return changelist

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all tenants to operators; redirect administrators to their own tenant."""
        if isinstance(request.user, Person) and is_tenant_admin(request.user):
            settings_url = _settings_url(request.user.tenant)
            if settings_url:
                return redirect(settings_url)
        page: HttpResponse = super().changelist_view(request, extra_context)
        return page

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_operator(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_operator(request.user)

    @display(description="Name", ordering="name")
    def called(self, tenant: Tenant) -> str:
        url = _settings_url(tenant)
        link = '<a href="{}" class="ramp-link">{}</a>'
        return format_html(link, url, tenant.name) if url else tenant.name

    @display(
        description="Status",
        label={"Active": "success", "Suspended": "warning", "Closed": ""},
    )
    def status_name(self, tenant: Tenant) -> str:
        return str(tenant.status.label)

    @display(description="People", ordering="people")
    def people(self, tenant: Any) -> str:
        return count_text(tenant.people)

    @display(description="Last sync")
    def last_sync(self, tenant: Any) -> str | None:
        at = tenant.activity.last_sync_at
        return ago(at) if at else None

    @display(description="Sync errors, last day")
    def sync_errors(self, tenant: Any) -> str:
        return f"{tenant.activity.errors:,}"


def _settings_url(tenant: Tenant) -> str:
    return hooks.url_of(hooks.Page.TENANT_SETTINGS, tenant.slug)
