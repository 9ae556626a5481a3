"""Signing in with an e-mail address and a password, and signing out."""

from django import forms
from django.contrib import admin, auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from people import operations, tenancy
from people.models import Person, Tenant
from provisioning.internal import person_with_password
from provisioning.pages.oidc import signing_out_url
from provisioning.refusals import SignInRefused

BACKEND = "provisioning.internal.SessionBackend"


class SignInForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Sign somebody in who gives an address and a password; `slug` says at which company."""
    if request.user.is_authenticated:
        return redirect(_destination(request, request.user))
    tenant = get_object_or_404(Tenant, slug=slug) if slug else None
    form = SignInForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            person = person_with_password(**form.cleaned_data, slug=slug)
        except SignInRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _let_in(request, person)
            return redirect(_destination(request, person))
    context = admin.site.each_context(request) | {"title": "Sign in", "tenant": tenant}
    context |= {"form": form, "next": request.GET.get("next", "")}
    return render(request, "provisioning/sign_in.html", context)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    elsewhere = signing_out_url(request)
    auth.logout(request)
    if elsewhere:
        return redirect(elsewhere)
    messages.success(request, "You are signed out.")
    return redirect("admin:login")


def _let_in(request: HttpRequest, person: Person) -> None:
    with tenancy.use(person.tenant):
        operations.join_person(person, actor=person.actor)
        # Gives the session a new key, so that one planted before is worth nothing.
        auth.login(request, person, backend=BACKEND)


def _destination(request: HttpRequest, person: Person) -> str:
    """Return where they were going, if that is a page of ours that they may see."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not person.is_staff:
        return "admin:home"
    return wanted if is_ours else "admin:index"
