"""The sign-in pages, the general one and those of companies, and signing out."""

from typing import Any

from django import forms
from django.contrib import auth, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from people import tenancy
from people.models import Tenant
from people.operations import people
from people.views.page_context import page_context
from people.views.session_limits import WHY_ENDED
from provisioning.models import IdentityProvider, SignInSettings
from provisioning.passwords.known_devices import source_of
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.passwords.login import person_with_password
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.sign_in.finish import after_password, destination, remember_next
from provisioning.views.sign_in.oidc import signing_out_url

NO_SUCH_COMPANY = (
    "No company is registered for the domain of this email address. Ask your administrator for "
    "the URL of your company's sign-in page."
)
SEVERAL_COMPANIES = (
    "Several companies share the domain of this email address. Ask your administrator for the URL "
    "of your company's sign-in page."
)


class SignInForm(forms.Form):
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


class CompanyForm(SignInForm):
    """The same fields, when only the company is asked for."""

    password = forms.CharField(required=False)


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Show the sign-in methods of the company with this slug, or the general page."""
    if request.user.is_authenticated:
        return redirect(destination(request, request.user, request.GET.get("next", "")))
    remember_next(request)
    tenant = get_object_or_404(Tenant, slug=slug, is_sandbox=False) if slug else None
    if "company" in request.POST:
        return _redirect_to_company(request)
    if request.method == "POST":
        return _try_password(request, tenant)
    if tenant and tenant.is_active and "form" not in request.GET:
        with tenancy.use(tenant):
            redirecting = SignInSettings.objects.filter(redirects=True)
        tested = _offered(tenant).filter(is_untested=False)
        usual = tested.filter(pk__in=redirecting.values("default_provider")).first()
        if usual:
            return redirect(_begin_url(usual, request))
    return page(request, tenant)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    elsewhere = signing_out_url(request)
    auth.logout(request)
    if elsewhere:
        return redirect(elsewhere)
    messages.success(request, "You have signed out.")
    return redirect("admin:login")


def page(
    request: HttpRequest,
    tenant: Tenant | None,
    form: SignInForm | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Render the sign-in page of the tenant, or the general one."""
    ways = [
        {
            "name": provider.name,
            "link": _begin_url(provider, request),
            "is_untested": provider.is_untested,
        }
        for provider in (_offered(tenant) if tenant else [])
    ]
    is_asked_for = "form" in request.GET or request.method == "POST"
    context = page_context(request, "Sign in") | {
        "tenant": tenant,
        "ways": ways,
        "form": form or SignInForm(initial={"email": request.GET.get("login_hint", "")}),
        "has_form": tenant is None or tenant.allows_passwords or is_asked_for,
        "message": request.session.pop(WHY_ENDED, ""),
        **more,
    }
    return render(request, "provisioning/sign_in/login.html", context, status=status)


def _try_password(request: HttpRequest, tenant: Tenant | None) -> HttpResponse:
    form = SignInForm(request.POST)
    if not form.is_valid():
        return page(request, tenant, form)
    try:
        person = person_with_password(
            **form.cleaned_data, slug=tenant.slug if tenant else "", source=source_of(request)
        )
    except SignInRefused as refusal:
        form.add_error(None, str(refusal))
        status = 429 if isinstance(refusal, GuessedTooOften) else 200
        return page(request, tenant, form, status=status)
    with tenancy.use(person.tenant):
        people.activate_person(person, actor=person.actor)
    return after_password(request, person)


def _redirect_to_company(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page of the company that has the domain of the address."""
    form = CompanyForm(request.POST)
    if form.is_valid():
        email = form.cleaned_data["email"]
        domain = email.rpartition("@")[2]
        tenants = list(Tenant.objects.filter(domain__iexact=domain, is_sandbox=False)[:2])
        if len(tenants) == 1:
            address = reverse("admin:sign_in", args=[tenants[0].slug])
            return redirect(f"{address}?{urlencode({'login_hint': email})}")
        form.add_error("email", SEVERAL_COMPANIES if tenants else NO_SUCH_COMPANY)
    # A new form: a password that was entered here must never be written into the page.
    shown = SignInForm(initial={"email": request.POST.get("email", "")})
    return page(request, None, shown, company_errors=form.errors.get("email"))


def _offered(tenant: Tenant) -> QuerySet[IdentityProvider]:
    with tenancy.use(tenant):
        offered: QuerySet[IdentityProvider] = IdentityProvider.objects.offered()
    return offered.select_related("tenant")


def _begin_url(provider: IdentityProvider, request: HttpRequest) -> str:
    address = reverse("admin:sign_in_with", args=[provider.tenant.slug, provider.pk])
    hint = request.GET.get("login_hint", "")
    return f"{address}?{urlencode({'login_hint': hint})}" if hint else address
