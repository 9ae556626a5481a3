"""Auth providers: adding, changing, testing and removing a tenant's sign-in providers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from people import hooks
from people.models import Tenant
from people.values import PeopleError
from people.views.forms import NameForm
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning import connection_test, kerberos
from provisioning.claims.preview import other_paths, preview_of
from provisioning.ldap import connection
from provisioning.ldap.proposal import Proposal
from provisioning.models import IdentityProvider, TransmitterStream
from provisioning.oidc.urls_for_provider import addresses_of
from provisioning.providers import connection_test_limits, manage
from provisioning.providers.config import OidcSettings, settings_of
from provisioning.providers.issuers import is_confirmed
from provisioning.providers.presets import PRESETS, Preset, preset_of
from provisioning.providers.proposed_pairing import proposed_pairing
from provisioning.providers.restrictions import lacks_restriction
from provisioning.views.directory_forms import ConnectionTestForm, LdapForm, WindowsForm
from provisioning.views.openid_form import OidcForm
from provisioning.views.provider_forms import ProviderForm, initial_of
from provisioning.views.sign_in.sign_in_test import begin_test
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

# In the order of the page.
LABELS = {
    "redirect_uri": "Redirect URI",
    "post_logout_redirect_uri": "Post-logout redirect URI",
    "backchannel_logout_uri": "Back-channel logout URI",
    "global_token_revocation_endpoint": "Global token revocation endpoint",
    "service_principal_name": "Service principal name",
    "sign_in_url": "Sign-in URL",
}
TAB = "auth_providers"
FORMS: dict[str, type[ProviderForm]] = {
    form.kind: form for form in (OidcForm, LdapForm, WindowsForm)
}
Kind = IdentityProvider.Kind
NAMES = {Kind.LDAP: "LDAP", Kind.WINDOWS: "Windows sign-in"}


@tenant_admin_required
def auth_providers(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    kept = IdentityProvider.objects.kept().order_by("name_key")
    here = Q(identities__retired_at=None) & ~Q(identities__person__state="terminated")
    rows = kept.annotate(
        member_count=Count("identities", filter=here, distinct=True),
        last_seen_at=Max("identities__last_seen_at"),
    )
    context = tenant_context(request, tenant, TAB) | {
        "providers": [(row, is_confirmed(row)) for row in rows],
        "presets": PRESETS,
        "missing": _not_installed(),
    }
    return render(request, "provisioning/tenant/auth_providers.html", context)


@tenant_admin_required
@requires_recent_authentication
def add_auth_provider(request: PersonRequest, tenant: Tenant, preset: str) -> HttpResponse:
    if preset not in PRESETS:
        raise Http404
    chosen = PRESETS[preset]
    draft = IdentityProvider(pk=manage.next_id(preset), tenant=tenant, kind=chosen.kind)
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    pairing = proposed_pairing(chosen)
    form = FORMS[chosen.kind](*posted, initial={**chosen.initial, **pairing})
    if form.is_valid():
        try:
            # A provider was added from this preset meanwhile, so the page shows the redirect URI of
            # that one.
            if request.POST.get("provider_id", str(draft.pk)) != str(draft.pk):
                raise manage.ProviderAddedAlready
            provider = manage.add_provider(
                form.cleaned_data["definition"], actor=request.user.actor, draft_id=draft.pk
            )
        except PeopleError as error:
            _blame(form, error)
        else:
            messages.success(
                request,
                f"{provider} was added. Test the connection to show it on the sign-in page.",
            )
            if read := getattr(form, "proposal", None):
                messages.info(request, _proposal_text(read))
            return redirect("admin:auth_provider", tenant.slug, provider.pk)
    context = _form_context(request, tenant, form, chosen, f"Add {chosen.title}") | {
        "draft": draft,
        "has_proposed_pairing": bool(pairing),
        "values": _values_of(draft),
    }
    return render(request, "provisioning/tenant/auth_provider.html", context)


@tenant_admin_required
@requires_recent_authentication
def auth_provider(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    provider = kept_provider(tenant, provider_id)
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    initial = initial_of(provider)
    if "groups_claim" in request.GET:
        # The preview of the last sign-in offers other claims than the saved one.
        initial["groups_claim"] = request.GET["groups_claim"]
    form = FORMS[provider.kind](*posted, initial=initial, provider=provider)
    if form.is_valid() and _change(request, provider, form):
        page = "auth_provider" if is_confirmed(provider) else "auth_provider_move"
        return redirect(f"admin:{page}", tenant.slug, provider.pk)
    context = _form_context(request, tenant, form, preset_of(provider), form["name"].initial) | {
        "provider": provider,
        "is_moved": not is_confirmed(provider),
        "is_unrestricted": lacks_restriction(provider),
        "signal_stream": TransmitterStream.objects.filter(provider=provider).first(),
        **_last_claims(provider, initial),
        "values": _values_of(provider),
    }
    return render(request, "provisioning/tenant/auth_provider.html", context)


@tenant_admin_required
def remove_auth_provider(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    provider = kept_provider(tenant, provider_id)
    form = NameForm(request.POST if request.method == "POST" else None, expected=provider.name)
    if form.is_valid():
        manage.remove_provider(provider, actor=request.user.actor)
        messages.success(request, f"{provider} was removed. Nobody can sign in through it anymore.")
        return redirect("admin:auth_providers", tenant.slug)
    context = tenant_context(request, tenant, TAB, f"Remove {provider}?") | {
        "provider": provider,
        "form": form,
        "member_count": provider.identities.filter(retired_at=None).count(),
        "back": reverse("admin:auth_provider", args=[tenant.slug, provider.pk]),
    }
    return render(request, "provisioning/tenant/remove_provider.html", context)


@tenant_admin_required
def test_auth_provider(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Test the connection. Each test sends requests to the provider, so tests are limited."""
    provider = kept_provider(tenant, provider_id)
    form = ConnectionTestForm(request.POST if request.method == "POST" else None)
    context = tenant_context(request, tenant, TAB, f"Test {provider}") | {
        "provider": provider,
        "form": form,
    }
    if form.is_valid():
        if connection_test_limits.allow_test():
            steps = list(connection_test.steps(provider, form.cleaned_data["login"]))
            is_ok = all(step.is_ok for step in steps)
            context |= {"steps": steps, "is_ok": is_ok, "was_draft": provider.is_draft}
            if is_ok:
                is_offered = not form.cleaned_data["stays_hidden"]
                manage.pass_test(provider, is_offered=is_offered, actor=request.user.actor)
        else:
            context["must_wait"] = connection_test_limits.PER_MINUTE
    return render(request, "provisioning/tenant/test_provider.html", context)


@tenant_admin_required
@requires_recent_authentication
@require_POST
def test_sign_in(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Let the administrator sign in through the provider, to see whether that works."""
    return begin_test(request, kept_provider(tenant, provider_id))


def _values_of(provider: IdentityProvider) -> list[dict[str, str]]:
    """Return what is entered at the provider, to copy; a draft need not be saved yet."""
    values = addresses_of(provider) | {"service_principal_name": kerberos.spn()}
    return [
        {"id": name, "label": label, "value": values[name]}
        for name, label in LABELS.items()
        if name in values and (name != "service_principal_name" or provider.kind == Kind.WINDOWS)
    ]


def _proposal_text(read: Proposal) -> str:
    """Return a sentence about what was read from the directory, with narrower base DNs."""
    units = (
        f" People are in: {'; '.join(read.units)}. Enter one of these as the base DN if only its "
        "people should sign in."
        if read.units
        else ""
    )
    return (
        f"Read from the directory: base DN {read.base_dn}, user filter {read.user_filter}.{units}"
    )


def kept_provider(tenant: Tenant, provider_id: UUID) -> IdentityProvider:
    """Return the provider of the tenant; one that was removed is not found."""
    provider = get_object_or_404(IdentityProvider.objects.kept(), pk=provider_id)
    provider.tenant = tenant
    return provider


def _change(request: PersonRequest, provider: IdentityProvider, form: ProviderForm) -> bool:
    """Save the form, and tell whether that succeeded."""
    try:
        has_changed = manage.change_provider(
            provider,
            form.cleaned_data["definition"],
            is_enabled=form.cleaned_data["is_enabled"],
            actor=request.user.actor,
        )
    except PeopleError as error:
        _blame(form, error)
        return False
    messages.success(request, f"{provider} was saved." if has_changed else "Nothing has changed.")
    return True


def _last_claims(provider: IdentityProvider, initial: dict[str, Any]) -> dict[str, Any]:
    """Return which groups the claims of the last sign-in give, by the claim path of the form."""
    last = provider.identities.filter(stated_values__has_key="claims").order_by("-last_seen_at")
    identity = last.select_related("person").first()
    if identity is None or provider.kind != Kind.OIDC:
        return {}
    settings: OidcSettings = settings_of(provider)
    path, separator = initial.get("groups_claim", settings.groups_claim), settings.groups_separator
    claims = identity.stated_values["claims"]
    return {
        "last_sign_in": identity,
        "claim": preview_of(claims, path, separator),
        "other_claims": other_paths(claims, path, separator),
    }


def _blame(form: ProviderForm, error: PeopleError) -> None:
    form.add_error(error.field if error.field in form.fields else None, str(error))


def _form_context(
    request: PersonRequest, tenant: Tenant, form: ProviderForm, preset: Preset, title: str
) -> dict[str, Any]:
    return tenant_context(request, tenant, TAB, title) | {
        "form": form,
        "preset": preset,
        "integrations_url": hooks.url_of(hooks.Page.INTEGRATIONS),
        "is_paired_possible": len(form.fields["paired_connection"].choices) > 1,  # type: ignore[attr-defined]
        "back": reverse("admin:auth_providers", args=[tenant.slug]),
        "missing": _not_installed().get(preset.kind, ""),
    }


def _not_installed() -> dict[str, str]:
    """Return a warning for each kind that is not installed on this machine."""
    advice = "is not installed on this server. Run “make setup” as root and restart Ramp."
    there = {Kind.LDAP: connection.is_available(), Kind.WINDOWS: kerberos.is_available()}
    return {kind: f"{NAMES[kind]} {advice}" for kind, is_there in there.items() if not is_there}
