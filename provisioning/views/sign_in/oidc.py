"""Signing in and out through an OpenID provider."""

from typing import Any, Final
from urllib.parse import urlencode

import jwt
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from people import tenancy
from people.models import Person
from people.net.safe_http import OutboundError
from people.secrets import SecretLost
from provisioning.claims import Claims
from provisioning.models import IdentityProvider, ProviderSession
from provisioning.oidc import discovery
from provisioning.oidc.backend import Backend, OidcFailed, ProviderSettings
from provisioning.oidc.urls_for_provider import redirect_uri, signed_out_uri
from provisioning.providers.config import settings_of
from provisioning.providers.restrictions import restrictions_of
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.identity_lookup import person_with_subject
from provisioning.views.sign_in.finish import (
    CAME_THROUGH,
    destination,
    finish_sign_in,
    sign_in_refused,
)
from provisioning.views.sign_in.fresh import must_be_fresh
from provisioning.views.sign_in.reauthentication import is_confirming
from provisioning.views.sign_in.sign_in_test import provider_to_sign_in

STATES: Final = "oidc_states"
SORRY: Final = (
    "{provider} could not identify you. Try again. If the problem continues, contact your "
    "administrator. The provider log says what to correct."
)


# What the visitor has to know where trying again in the same way would not help.
AGAIN: Final = {
    "authentication-too-old": "Your last sign-in at {provider} is too long ago. Sign out there, "
    "then sign in again.",
    "authentication-too-weak": "Your company requires a stronger sign-in at {provider}, for "
    "example with a second factor. Sign out there, then sign in again.",
    "session-expired": "Your session at {provider} has ended. Sign in there again.",
}


def begin(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Redirect to the provider, with a state that is bound to this browser."""
    try:
        response: HttpResponse = _Request(provider).get(request)
    except OutboundError as error:
        return _failed(
            request, provider, error.code, str(error), Claims(subject="", email=_hint(request))
        )
    # Against mix-up attacks (RFC 9700 section 4.4): only this provider may answer this state.
    newest = list(request.session[STATES])[-1]
    request.session[STATES][newest] |= {
        "provider": str(provider.pk),
        "issuer": settings_of(provider).issuer,
        "hint": _hint(request),
    }
    request.session.modified = True
    return response


@require_GET
def callback(request: HttpRequest, slug: str, provider_id: str) -> HttpResponse:
    """Sign in the person that the provider identified."""
    provider = provider_to_sign_in(request, slug, provider_id, kind=IdentityProvider.Kind.OIDC)
    with tenancy.use(provider.tenant_id):
        arriving = _Callback(provider)
        try:
            return arriving.get(request)
        except (OidcFailed, OutboundError, SecretLost) as error:
            code = getattr(error, "code", "secret-lost")
            return _failed(request, provider, code, str(error), arriving.visitor())


@csrf_exempt
@require_POST
def backchannel_logout(request: HttpRequest, slug: str, provider_id: str) -> HttpResponse:
    """End the sessions that the provider's logout token names (Back-Channel Logout 1.0)."""
    provider = provider_to_sign_in(request, slug, provider_id, kind=IdentityProvider.Kind.OIDC)
    with tenancy.use(provider.tenant_id):
        try:
            sid, subject = Backend(provider).read_logout_token(request.POST.get("logout_token", ""))
        except (jwt.PyJWTError, OidcFailed, OutboundError, SecretLost) as error:
            error_body = {"error": "invalid_request", "error_description": str(error)}
            return JsonResponse(error_body, status=400, headers={"Cache-Control": "no-store"})
        named = {"sid": sid} if sid else {"subject": subject}
        sessions = ProviderSession.objects.filter(provider=provider, **named)
        keys = list(sessions.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        sessions.delete()
    return HttpResponse(headers={"Cache-Control": "no-store"})


def signing_out_url(request: HttpRequest) -> str:
    """Return the URL that signs out at the provider too (RP-Initiated Logout 1.0); blank if none.

    Call it before the session ends.
    """
    came: dict[str, Any] = request.session.get(CAME_THROUGH, {})
    with tenancy.across_tenants():
        providers = IdentityProvider.objects.kept().select_related("tenant")
        provider = providers.filter(pk=came["provider"]).first() if came else None
    if provider is None or provider.kind != IdentityProvider.Kind.OIDC:
        return ""
    settings = settings_of(provider)
    if came.get("issuer") != settings.issuer:
        # The ID token must not be sent to another issuer.
        return ""
    try:
        ends = discovery.endpoints_of(settings.issuer).end_session
    except OutboundError:
        return ""
    parameters = {
        "id_token_hint": came.get("id_token", ""),
        "client_id": settings.client_id,
        # The provider accepts only the URI that was registered there.
        "post_logout_redirect_uri": signed_out_uri(provider),
    }
    return f"{ends}?{urlencode(parameters)}" if ends else ""


class _Request(ProviderSettings, OIDCAuthenticationRequestView):
    def __init__(self, provider: IdentityProvider) -> None:
        """Replace the library's __init__, which would read global settings."""
        self.provider = provider
        settings = settings_of(provider)
        self.OIDC_OP_AUTH_ENDPOINT = discovery.endpoints_of(settings.issuer).authorization
        self.OIDC_RP_CLIENT_ID = settings.client_id

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        parameters = {"redirect_uri": redirect_uri(self.provider)}
        if is_confirming(request, self.provider) or must_be_fresh(request, self.provider):
            # With max_age, the provider has to send auth_time (OIDC Core 1.0 section 3.1.2.1).
            parameters |= {"prompt": "login", "max_age": "0"}
        elif maximum := settings_of(self.provider).max_age_minutes:
            parameters["max_age"] = str(maximum * 60)
        if acr := settings_of(self.provider).required_acr:
            parameters["acr_values"] = acr
        hosted = restrictions_of(self.provider).hosted_domains
        if len(hosted) == 1:
            # Google then offers only accounts of that organization; the claim is checked anyway.
            parameters["hd"] = hosted[0]
        hint = _hint(request)
        return parameters | ({"login_hint": hint} if hint else {})


class _Callback(ProviderSettings, OIDCAuthenticationCallbackView):
    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider
        self.backend: Backend | None = None
        # The address that was entered on the sign-in page.
        self.hint = ""

    def visitor(self) -> Claims:
        """Return who signs in, as far as that is known: by the ID token, or as they entered it."""
        identified = self.backend and self.backend.identified
        return identified or Claims(subject="", email=self.hint)

    def get(self, request: HttpRequest) -> HttpResponse:
        answer = request.GET
        states = request.session.get(STATES) or {}
        state = states.pop(answer.get("state", ""), None)
        request.session.modified = True
        issuer = settings_of(self.provider).issuer
        expected = {"provider": str(self.provider.pk), "issuer": issuer}
        visitor = request.user
        if state is None and isinstance(visitor, Person) and self._is_here(visitor):
            # A second click, or the back button after a sign-in that succeeded.
            return redirect(destination(request, visitor, ""))
        if state is None or not expected.items() <= state.items():
            # A stale tab, a second click, a forged response, or an issuer that has changed.
            raise OidcFailed(
                "state-unknown", "This response does not match a sign-in started in this browser."
            )
        self.hint = state.get("hint", "")
        if answer.get("iss", issuer) != issuer:
            raise OidcFailed(
                "other-issuer", "The response came from a different issuer (RFC 9207)."
            )
        if answer.get("error"):
            why = answer.get("error_description") or answer["error"]
            raise OidcFailed(
                "provider-refused", f"The provider refused the sign-in: “{why[:300]}”."
            )
        self.backend = backend = Backend(self.provider)
        claims = backend.claims(request, nonce=state["nonce"], code_verifier=state["code_verifier"])
        return self._arrived(request, backend, claims)

    def _is_here(self, visitor: Person) -> bool:
        return visitor.tenant_id == self.provider.tenant_id

    def _arrived(self, request: HttpRequest, backend: Backend, claims: Claims) -> HttpResponse:
        before = request.session.session_key
        response = finish_sign_in(
            request,
            self.provider,
            claims,
            authenticated_at=backend.authenticated_at,
            id_token=backend.id_token,
            issuer=backend.settings.issuer,
            session_expiry=backend.session_expiry,
        )
        if request.session.get(CAME_THROUGH, {}).get("id_token") == backend.id_token:
            if request.session.session_key == before:
                # Django keeps the session key if the same person was already signed in.
                request.session.cycle_key()
            request.session.save()
            ProviderSession.objects.filter(session_key=before).delete()
            ProviderSession.objects.create(
                tenant_id=self.provider.tenant_id,
                provider=self.provider,
                session_key=request.session.session_key or "",
                sid=backend.sid[:255],
                subject=claims.subject,
            )
        return response


def _hint(request: HttpRequest) -> str:
    """Return the address that was entered on the sign-in page."""
    return request.GET.get("login_hint", "")[:254]


def _failed(
    request: HttpRequest, provider: IdentityProvider, code: str, detail: str, visitor: Claims
) -> HttpResponse:
    with tenancy.use(provider.tenant_id):
        attempt_log.log_attempt(
            Outcome.FAILED,
            provider,
            person=person_with_subject(provider, visitor.subject),
            subject=visitor.subject,
            email=visitor.log_name,
            reason=code,
            detail=detail,
        )
    message = AGAIN.get(code, SORRY).format(provider=provider.name)
    return sign_in_refused(request, provider.tenant, message, status=400)
