"""The pages of one tenant, /tenants/<slug>/…: who may see them, and the tabs that join them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache

from people.models import Tenant
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, is_operator, is_tenant_admin

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[PersonRequest, Tenant, Arguments], HttpResponseBase]
Served = Callable[Concatenate[HttpRequest, str, Arguments], HttpResponseBase]

# Names of addresses that take the slug, in the order of the tabs.
TABS: dict[str, str] = {
    "tenant_settings": "Settings",
    "auth_providers": "Auth providers",
    "auth_settings": "Auth settings",
    "internal_users": "Internal users",
    "provisioned_members": "Provisioned members",
    "mappings": "IdP group mappings",
    "provider_log": "Provider log",
}
FOR_OPERATORS: tuple[str, ...] = ("tenant_settings",)


def tenant_admin_required(view: View[Arguments]) -> Served[Arguments]:
    """Pass the visitor's tenant to the view; any other slug is answered with 404.

    Other visitors are redirected to sign in. Operators may open only views with `allow_operators`.
    """

    @wraps(view)
    @never_cache
    def served(
        request: HttpRequest, slug: str, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        tenant: Tenant | None
        if is_operator(request.user):
            if not getattr(view, "for_operators", False):
                raise PermissionDenied
            tenant = Tenant.objects.filter(slug=slug, is_sandbox=False).first()
        elif not is_tenant_admin(request.user):
            return redirect_to_login(request.get_full_path())
        else:
            tenant = request.user.tenant  # type: ignore[union-attr]
        if tenant is None or tenant.slug != slug:
            raise Http404
        return view(cast("PersonRequest", request), tenant, *args, **kwargs)

    return cast("Served[Arguments]", served)


def allow_operators(view: View[Arguments]) -> View[Arguments]:
    view.for_operators = True  # type: ignore[attr-defined]
    return view


def tenant_context(
    request: HttpRequest, tenant: Tenant, tab: str, title: str = ""
) -> dict[str, Any]:
    """Return what templates/provisioning/tenant/base.html needs."""
    is_for_operator = is_operator(request.user)
    names = FOR_OPERATORS if is_for_operator else tuple(TABS)
    # Operators see several companies, so the heading says in which one they are.
    home = reverse("admin:tenant_settings", args=[tenant.slug])
    parent = (tenant.name, home) if is_for_operator else None
    tabs = [
        {
            "title": TABS[name],
            "link": reverse(f"admin:{name}", args=[tenant.slug]),
            "active": name == tab,
        }
        for name in names
    ]
    return page_context(request, title or TABS[tab], parent=parent) | {
        "tenant": tenant,
        "tabs": tabs,
    }
