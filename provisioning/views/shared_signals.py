"""The page “Shared Signals” of a provider: the stream, its health, and what each signal does."""

from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django import forms
from django.conf import settings as django_settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from people.models import Tenant
from people.net import safe_http
from people.net.safe_http import OutboundError
from people.values import PeopleError
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning.models import FreshSignIn, IdentityProvider, ReceivedSignal, TransmitterStream
from provisioning.providers.config import settings_of
from provisioning.shared_signals import streams, transmitter
from provisioning.shared_signals.event_types import POLICIES
from provisioning.shared_signals.streams import TransmitterSettings
from provisioning.sign_in import fresh_sign_in
from provisioning.views.auth_providers import TAB, kept_provider
from provisioning.views.form_fields import secret_input, text_input
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

SHOWN: Final = 20
Delivery = TransmitterStream.Delivery


class TransmitterForm(forms.Form):
    issuer = text_input(
        "Issuer", "Ramp reads the metadata of this issuer at /.well-known/ssf-configuration."
    )
    token = secret_input(
        "Access token or client secret",
        "Either a token that may manage streams there, or the secret of the client below. It is "
        "stored encrypted, and sent to no other server.",
    )
    token_url = text_input(
        "Token endpoint",
        "If the transmitter issues access tokens that expire, Ramp requests them here (OAuth 2.0 "
        "client credentials). Leave the three fields empty for a token that does not expire.",
        required=False,
    )
    client_id = text_input("Client ID", required=False)
    scope = text_input(
        "Scope", "As the transmitter documents it, such as ssf.manage.", required=False
    )
    delivery = forms.ChoiceField(
        label="Delivery",
        choices=Delivery.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="With push, signals arrive at once. The transmitter has to reach Ramp for that.",
    )

    def clean_issuer(self) -> str:
        issuer: str = self.cleaned_data["issuer"].strip()
        try:
            parts = safe_http.checked(issuer)
        except OutboundError as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        if parts.query:
            raise forms.ValidationError("An issuer has no query.", code="bad-url")
        return issuer

    def clean_token_url(self) -> str:
        url: str = self.cleaned_data["token_url"].strip()
        try:
            if url:
                safe_http.checked(url)
        except OutboundError as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        return url

    def clean(self) -> None:
        has_url, has_client = (
            bool(self.cleaned_data.get(one)) for one in ("token_url", "client_id")
        )
        if has_url and not has_client:
            self.add_error("client_id", "The token endpoint needs the ID of a client.")
        elif has_client and not has_url and "token_url" in self.cleaned_data:
            self.add_error("token_url", "Enter where the client gets its tokens.")


class PolicyForm(forms.Form):
    def __init__(self, *args: Any, policies: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for line in POLICIES:
            self.fields[line.name] = forms.ChoiceField(
                label=line.label,
                choices=[(one.value, one.label) for one in line.choices],
                initial=policies.get(line.name, line.default),
                widget=UnfoldAdminSelectWidget,
            )


@tenant_admin_required
@requires_recent_authentication
def shared_signals(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Show the stream of the provider, and set it up."""
    provider = openid_provider(tenant, provider_id)
    signal_stream = _stream_of(provider)
    form = TransmitterForm(
        request.POST if request.method == "POST" else None,
        initial=_initial(provider, signal_stream),
    )
    if form.is_valid():
        try:
            streams.set_up(provider, TransmitterSettings(**form.cleaned_data), person=request.user)
        except PeopleError as error:
            form.add_error(error.field, str(error))
            # It may have been saved, although the transmitter refused it.
            signal_stream = _stream_of(provider)
        else:
            messages.success(request, "The stream was created. Ramp asked for a verification.")
            return _back(provider)
    if signal_stream and signal_stream.token:
        form.fields["token"].help_text = "It is saved. Leave empty to keep it."
    received = ReceivedSignal.objects.filter(provider=provider).select_related("person")
    context = tenant_context(request, tenant, TAB, f"Shared Signals of {provider}") | {
        "provider": provider,
        "signal_stream": signal_stream,
        "form": form,
        "policy_form": PolicyForm(policies=signal_stream.policies) if signal_stream else None,
        "signals": list(received.order_by("-received_at", "-pk")[:SHOWN]),
        "must_sign_in": FreshSignIn.objects.filter(provider=provider)
        .select_related("person")
        .order_by("-since")[:SHOWN],
        "back": reverse("admin:auth_provider", args=[tenant.slug, provider.pk]),
    }
    return render(request, "provisioning/tenant/shared_signals.html", context)


@tenant_admin_required
@requires_recent_authentication
@require_POST
def shared_signals_policies(
    request: PersonRequest, tenant: Tenant, provider_id: UUID
) -> HttpResponse:
    provider = openid_provider(tenant, provider_id)
    signal_stream = get_object_or_404(TransmitterStream, provider=provider)
    form = PolicyForm(request.POST, policies=signal_stream.policies)
    if form.is_valid():
        has_changed = streams.set_policies(signal_stream, form.cleaned_data, person=request.user)
        messages.success(request, "Saved." if has_changed else "Nothing has changed.")
    else:
        messages.error(request, "Nothing was saved. Choose one of the policies for each signal.")
    return _back(provider)


@tenant_admin_required
@requires_recent_authentication
@require_POST
def shared_signals_verify(
    request: PersonRequest, tenant: Tenant, provider_id: UUID
) -> HttpResponse:
    """Ask the transmitter for a verification event."""
    provider = openid_provider(tenant, provider_id)
    signal_stream = get_object_or_404(TransmitterStream, provider=provider)
    try:
        streams.verify(signal_stream, transmitter.metadata_of(signal_stream.issuer))
    except OutboundError as error:
        messages.error(request, str(error))
    else:
        messages.info(request, "Ramp asked for a verification event. Reload the page in a moment.")
    return _back(provider)


@tenant_admin_required
@requires_recent_authentication
@require_POST
def shared_signals_remove(
    request: PersonRequest, tenant: Tenant, provider_id: UUID
) -> HttpResponse:
    provider = openid_provider(tenant, provider_id)
    signal_stream = get_object_or_404(TransmitterStream, provider=provider)
    streams.remove(signal_stream, actor=request.user.actor)
    messages.success(request, "The stream was removed. Ramp receives no more signals from it.")
    return _back(provider)


@tenant_admin_required
@requires_recent_authentication
@require_POST
def shared_signals_lift(
    request: PersonRequest, tenant: Tenant, provider_id: UUID, person_id: UUID
) -> HttpResponse:
    """Let a person sign in again who has not entered their credentials at the provider."""
    provider = openid_provider(tenant, provider_id)
    required = get_object_or_404(FreshSignIn, provider=provider, person=person_id)
    name = required.person.full_name
    fresh_sign_in.lift(required, actor=request.user.actor)
    messages.success(request, f"{name} can sign in again.")
    return _back(provider)


def openid_provider(tenant: Tenant, provider_id: UUID) -> IdentityProvider:
    """Return the provider; signals are about the subjects of OpenID providers only."""
    provider = kept_provider(tenant, provider_id)
    get_object_or_404(
        IdentityProvider.objects.filter(kind=IdentityProvider.Kind.OIDC), pk=provider.pk
    )
    return provider


def _stream_of(provider: IdentityProvider) -> TransmitterStream | None:
    signal_stream: TransmitterStream | None = TransmitterStream.objects.filter(
        provider=provider
    ).first()
    if signal_stream:
        signal_stream.provider = provider
    return signal_stream


def _initial(provider: IdentityProvider, signal_stream: TransmitterStream | None) -> dict[str, str]:
    if signal_stream:
        shown = ("issuer", "token_url", "client_id", "scope", "delivery")
        return {name: getattr(signal_stream, name) for name in shown}
    parts = urlsplit(settings_of(provider).issuer)
    # Okta's transmitter belongs to the organization, and not to one of its authorization servers.
    is_okta_server = parts.path.startswith("/oauth2/")
    issuer = f"{parts.scheme}://{parts.netloc}" if is_okta_server else settings_of(provider).issuer
    is_reachable = django_settings.PUBLIC_BASE_URL.startswith("https://")
    return {"issuer": issuer, "delivery": Delivery.PUSH if is_reachable else Delivery.POLL}


def _back(provider: IdentityProvider) -> HttpResponse:
    return redirect("admin:shared_signals", provider.tenant.slug, provider.pk)
