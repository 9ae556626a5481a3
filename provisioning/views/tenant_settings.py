"""Settings of a tenant: name, slug and domain; suspending it, and closing it permanently.

Administrators change the name and the domain. Only operators change the slug, which is part of
bookmarked URLs, and only they suspend, resume and close a tenant. Operators see how many people a
tenant has, but nobody of them.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import DomainNameValidator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from people import hooks, tenancy
from people.models import Person, Tenant
from people.operations import tenants
from people.presentation.page_links import counted
from people.values import PeopleError
from people.views.forms import NameForm
from people.views.permissions import PersonRequest, is_operator
from provisioning.views.tenant_base import allow_operators, tenant_admin_required, tenant_context

TAB = "tenant_settings"


class TenantForm(forms.Form):
    name = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget)
    slug = forms.SlugField(
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="Part of the tenant's URLs. Old URLs stop working when you change it.",
    )
    domain = forms.CharField(
        required=False,
        max_length=253,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="The domain of the company's email addresses, such as example.com. People find "
        "their sign-in page by it. The domain alone does not let anyone sign in.",
        validators=[DomainNameValidator(message="Enter a domain such as example.com.")],
    )

    def __init__(self, *args: Any, is_operator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_operator:
            del self.fields["slug"]

    def clean_domain(self) -> str:
        domain: str = self.cleaned_data["domain"]
        return domain.lower()


@tenant_admin_required
@allow_operators
def tenant_settings(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    may_rename = is_operator(request.user)
    names = ("name", "slug", "domain")
    form = TenantForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(tenant, name) for name in names},
        is_operator=may_rename,
    )
    shown = {"name": tenant.name, "slug": tenant.slug}
    if not tenant.closed_at and form.is_valid() and _change(request, tenant, form):
        return redirect("admin:tenant_settings", tenant.slug)
    # The page must not show a name or slug that could not be saved.
    tenant.name, tenant.slug = shown["name"], shown["slug"]
    context = tenant_context(request, tenant, TAB) | {
        "form": form,
        "is_operator": may_rename,
        "sign_in": reverse("admin:sign_in", args=[tenant.slug]),
    }
    if may_rename:
        with tenancy.across_tenants():
            context["people_count"] = counted(Person.objects.in_lists().filter(tenant=tenant))
        context["activity"] = hooks.tenant_activity([tenant.pk]).get(tenant.pk)
    return render(request, "provisioning/tenant/settings.html", context)


@tenant_admin_required
@allow_operators
def suspend_tenant(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    _check_operator(request)
    settings = reverse("admin:tenant_settings", args=[tenant.slug])
    is_own = tenant.pk == request.user.tenant_id
    if tenant.status != Tenant.Status.ACTIVE:
        return redirect(settings)
    if request.method == "POST" and not is_own:
        tenants.change_tenant(tenant, actor=request.user.actor, is_active=False)
        messages.success(request, f"{tenant} is suspended. Nobody there can sign in.")
        return redirect(settings)
    context = tenant_context(request, tenant, TAB, f"Suspend {tenant}?") | {
        "back": settings,
        "is_own": is_own,
    }
    return render(request, "provisioning/tenant/suspend_tenant.html", context)


@tenant_admin_required
@allow_operators
@require_POST
def resume_tenant(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    _check_operator(request)
    if tenant.status == Tenant.Status.SUSPENDED:
        tenants.change_tenant(tenant, actor=request.user.actor, is_active=True)
        messages.success(request, f"{tenant} is active again. People can sign in.")
    return redirect("admin:tenant_settings", tenant.slug)


@tenant_admin_required
@allow_operators
def close_tenant(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    _check_operator(request)
    if tenant.closed_at:
        return redirect("admin:tenant_settings", tenant.slug)
    form = NameForm(request.POST if request.method == "POST" else None, expected=tenant.name)
    if form.is_valid():
        if tenant.pk == request.user.tenant_id:
            form.add_error("name", "This is your own tenant. You would lose access.")
        else:
            tenants.close_tenant(tenant, actor=request.user.actor)
            messages.success(
                request, f"{tenant} is permanently closed. Its slug and domain are available again."
            )
            return redirect("admin:people_tenant_changelist")
    context = tenant_context(request, tenant, TAB, f"Close {tenant} permanently?") | {
        "form": form,
        "back": reverse("admin:tenant_settings", args=[tenant.slug]),
    }
    return render(request, "provisioning/tenant/close_tenant.html", context)


def _check_operator(request: PersonRequest) -> None:
    if not is_operator(request.user):
        raise PermissionDenied


def _change(request: PersonRequest, tenant: Tenant, form: TenantForm) -> bool:
    """Save the form, and tell whether that succeeded."""
    values = {name: form.cleaned_data[name] for name in form.fields}
    try:
        has_changed = tenants.change_tenant(tenant, actor=request.user.actor, **values)
    except PeopleError as error:
        form.add_error(error.field, str(error))
        return False
    except ValidationError as error:
        form.add_error(None, error)
        return False
    messages.success(request, "Saved." if has_changed else "Nothing has changed.")
    return True
