from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from unfold.decorators import display

from people import hooks, tenancy
from people.admin.model_admin import CompanyAdmin
from people.models import Person, Tenant
from people.views.permissions import is_operator, is_tenant_admin


@admin.register(Tenant)
class TenantAdmin(CompanyAdmin):
    """The list of tenants for operators, who cannot see the data of a tenant."""

    address = "tenants/"
    nothing_yet = "Create one with “manage.py create_tenant”."
    list_display = ("called", "slug", "domain", "people", "status")
    # The name links to the tenant's settings. Operators have no change page.
    list_display_links = None
    search_fields = ("name", "slug", "domain")
    search_help_text = "Name, slug or domain"
    ordering = ("name", "pk")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        # The list counts the people of all tenants, while the operator's own tenant is in force.
        with tenancy.across_tenants():
            people = Person.objects.in_lists().filter(tenant=OuterRef("pk")).order_by()
        count = people.values("tenant").annotate(count=Count("pk")).values("count")
        tenants: QuerySet[Tenant] = super().get_queryset(request).filter(is_sandbox=False)
        return tenants.annotate(people=Coalesce(Subquery(count), 0))

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
        """Refuse: the command `create_tenant` creates a tenant with its owner."""
        return False

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

    @display(description="People", ordering="people")
    def people(self, tenant: Any) -> str:
        return f"{tenant.people:,}"

    @display(
        description="Status", label={"Active": "success", "Turned off": "warning", "Closed": ""}
    )
    def status(self, tenant: Tenant) -> str:
        if tenant.closed_at:
            return "Closed"
        return "Active" if tenant.is_active else "Turned off"


def _settings_url(tenant: Tenant) -> str:
    return hooks.url_of(hooks.Page.TENANT_SETTINGS, tenant.slug)
