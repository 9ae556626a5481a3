"""OpenID Connect: exchanges an authorization code for verified claims.

mozilla-django-oidc runs the flow, with settings from a provider's row. This module adds the checks
that the library lacks: issuer, audience, expiry and algorithm of the token, and the subject of
the userinfo (OpenID Connect Core 1.0, sections 3.1.3.7 and 5.3.2). The library would find people by
their address; here `sign_in` finds them by the subject.
"""

import base64
import hmac
import time
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import jwt
from django.core.cache import cache
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from people.models import Person
from people.net import safe_http
from people.net.safe_http import HttpAnswer, OutboundError
from provisioning.claims import Claims
from provisioning.models import IdentityProvider
from provisioning.oidc import discovery
from provisioning.oidc.authentication import problem_of, read_time
from provisioning.oidc.discovery import SigningKey
from provisioning.oidc.token_claims import claims_from, has_profile, merged
from provisioning.oidc.urls_for_provider import redirect_uri
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of

LEEWAY_SECONDS: Final = 60
BACKCHANNEL_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


class OidcFailed(Exception):
    """The provider did not identify the person. The message is for the provider log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProviderSettings:
    """Provides mozilla-django-oidc's settings from a provider's row."""

    provider: IdentityProvider

    def get_settings(self, name: str, *default: Any) -> Any:
        own = self._own().get(name)
        return import_from_settings(name, *default) if own is None else own

    def _own(self) -> dict[str, Any]:
        settings: OidcSettings = settings_of(self.provider)
        return {
            "OIDC_RP_CLIENT_ID": settings.client_id,
            "OIDC_RP_SCOPES": settings.scopes,
            "OIDC_USE_PKCE": True,
            "OIDC_USE_NONCE": True,
            # The library needs the name of a URL without arguments. `redirect_uri` replaces it.
            "OIDC_AUTHENTICATION_CALLBACK_URL": "admin:login",
        }


class Backend(ProviderSettings, OIDCAuthenticationBackend):
    """Exchanges an authorization code for claims, for `views.sign_in.finish`."""

    def __init__(self, provider: IdentityProvider) -> None:
        """Replace the library's __init__, which would read global settings."""
        self.provider = provider
        self.settings: OidcSettings = settings_of(provider)
        self.endpoints = discovery.endpoints_of(self.settings.issuer)
        self.OIDC_RP_CLIENT_ID = self.settings.client_id
        self.OIDC_RP_CLIENT_SECRET = manage.secret_of(provider)
        # For signing out at the provider later on.
        self.id_token = self.sid = ""
        # What went wrong without stopping the sign-in, for the provider log.
        self.problems: list[str] = []
        # When the provider last asked for credentials, if it says so.
        self.authenticated_at: float | None = None
        # When the provider wants the session in Ramp to end, if it says so (IPSIE SL1).
        self.session_expiry: float | None = None
        # The claims of the ID token, once it is verified; None before.
        self.identified: Claims | None = None

    def claims(self, request: HttpRequest, *, nonce: str, code_verifier: str) -> Claims:
        """Exchange the authorization code and return the claims.

        :raises OidcFailed: if a request or a check fails.
        """
        try:
            claims: Claims | None = self.authenticate(
                request, nonce=nonce, code_verifier=code_verifier
            )
        except OutboundError as error:
            raise OidcFailed(error.code, str(error)) from error
        except jwt.PyJWTError as error:
            raise OidcFailed("bad-token", f"The ID token is not valid: {error}.") from error
        if claims is None:
            raise OidcFailed("no-code", "The provider did not return an authorization code.")
        return claims

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        payload["redirect_uri"] = redirect_uri(self.provider)
        answer = self._tokens(payload, in_form=self.endpoints.uses_post)
        # A provider lists every method that it has, and may allow a client only one of them. And
        # LemonLDAP::NG 2.16 does not decode the header, so special characters fail there. A status
        # of 401 says that the client was refused (RFC 6749 section 5.2), so the code is unused.
        if answer.status == 401 and self.endpoints.accepts_post and not self.endpoints.uses_post:
            with_form = self._tokens(payload, in_form=True)
            answer = with_form if with_form.status == 200 else answer
        tokens = answer.json()
        if answer.status != 200 or not isinstance(tokens, dict):
            error = tokens if isinstance(tokens, dict) else {}
            why = str(error.get("error_description") or error.get("error") or "")[:300]
            hint = {
                "invalid_client": " Check the client ID and client secret.",
                "invalid_grant": " Check the redirect URI, and the provider's clock.",
            }.get(str(error.get("error")), "")
            raise OidcFailed(
                "code-refused",
                f"The token endpoint rejected the code with status {answer.status}"
                f"{': ' + why if why else ''}.{hint}",
            )
        if not isinstance(tokens.get("id_token"), str):
            raise OidcFailed(
                "no-id-token",
                "The token endpoint did not return an ID token. Request the scope openid.",
            )
        return tokens

    def _tokens(self, payload: dict[str, str], *, in_form: bool) -> HttpAnswer:
        """Request the tokens, with the client secret in the form or in the header."""
        headers, form = {}, dict(payload)
        if not in_form:
            # RFC 6749 section 2.3.1: each part is form-encoded first.
            client_id, secret = form["client_id"], form.pop("client_secret")
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return safe_http.fetch(self.endpoints.token, method="POST", form=form, headers=headers)

    def verify_token(self, token: str, **expected: Any) -> dict[str, Any]:
        """Return the payload of the ID token.

        :raises jwt.PyJWTError, OidcFailed: if it is expired, or not for this sign-in or client.
        """
        payload = self._decoded(token, require=["exp", "iat", "iss", "aud", "sub"])
        # OpenID Connect Core, 3.1.3.7: with several audiences, `azp` has to name this client.
        client_id, audience = self.settings.client_id, payload["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if payload.get("azp", "" if several else client_id) != client_id:
            raise OidcFailed("bad-token", "The ID token was issued for another client (azp).")
        nonce = str(expected.get("nonce") or "-")
        if not hmac.compare_digest(str(payload.get("nonce", "")), nonce):
            raise OidcFailed("bad-token", "The ID token does not match this sign-in (nonce).")
        return payload

    def store_tokens(self, access_token: str | None, id_token: str) -> None:
        self.id_token = id_token

    def get_userinfo(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        if not self.endpoints.userinfo or not access_token:
            return payload
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            answer = safe_http.fetch(self.endpoints.userinfo, headers=headers)
            userinfo = self._read_userinfo(answer)
        except OutboundError as error:
            if not has_profile(payload):
                raise
            self.problems.append(f"{error} The ID token has the profile, so it was used alone.")
            return payload
        if userinfo.get("sub") != payload["sub"]:
            raise OidcFailed("other-userinfo", "The userinfo response is for a different subject.")
        return merged(userinfo, payload)

    def _read_userinfo(self, answer: HttpAnswer) -> dict[str, Any]:
        """Return the claims of a userinfo response, which may be signed.

        OpenID Connect Core 1.0, section 5.3.2.

        :raises OutboundError: if the response contains none.
        :raises OidcFailed: if its signature, issuer or audience is wrong.
        """
        if answer.status != 200:
            raise OutboundError("not-ok", f"{answer.url} returned status {answer.status}.")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if headers.get("content-type", "").partition(";")[0].strip() == "application/jwt":
            try:
                return self._decoded(answer.body.decode(errors="replace"), require=["sub"])
            except jwt.PyJWTError as error:
                message = f"The signed userinfo response is not valid: {error}."
                raise OidcFailed("bad-userinfo", message) from error
        userinfo = answer.json()
        if not isinstance(userinfo, dict):
            raise OutboundError("not-json", f"{answer.url} returned JSON that is not an object.")
        return userinfo

    def get_or_create_user(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> Claims:
        """Return the claims instead of a user. `sign_in` finds the person."""
        self.sid = str(payload.get("sid") or "")
        self.authenticated_at = read_time(payload.get("auth_time"))
        self.session_expiry = read_time(payload.get("session_expiry"))
        self.identified = claims_from(payload, self.settings)
        if problem := problem_of(payload, self.settings):
            raise OidcFailed(*problem)
        sent = self.get_userinfo(access_token, id_token, payload)
        claims = claims_from(sent, self.settings)
        return replace(claims, problems=(*claims.problems, *self.problems))

    def get_user(self, user_id: object) -> Person | None:
        """Find nobody: SessionBackend loads the people of sessions."""

    def read_logout_token(self, token: str) -> tuple[str, str]:
        """Return the session id and the subject of a logout token; one of them may be blank.

        OpenID Connect Back-Channel Logout 1.0, section 2.6.

        :raises jwt.PyJWTError, OidcFailed: if the token is invalid, too old, or used before.
        """
        payload = self._decoded(token, require=["iat", "iss", "aud", "jti", "events"])
        sid, subject = str(payload.get("sid") or ""), str(payload.get("sub") or "")
        events = payload["events"]
        is_one = isinstance(events, dict) and BACKCHANNEL_EVENT in events
        if not is_one or "nonce" in payload or not (sid or subject):
            raise OidcFailed("bad-token", "This is not a logout token.")
        if payload["iat"] < time.time() - 2 * LEEWAY_SECONDS:
            raise OidcFailed("bad-token", "The logout token is too old.")
        if not cache.add(f"oidc-jti:{self.provider.pk}:{payload['jti']}", 1, 4 * LEEWAY_SECONDS):
            raise OidcFailed("bad-token", "The logout token was already used.")
        return sid, subject

    def _decoded(self, token: str, *, require: list[str]) -> dict[str, Any]:
        """Return the payload of a token of this issuer for this client.

        :raises jwt.PyJWTError: if it is not one. `require` lists the claims that it needs.
        """
        return discovery.verified(
            token, self.endpoints.jwks, lambda signing: self._verified(token, signing, require)
        )

    def _verified(self, token: str, signing: SigningKey, require: list[str]) -> dict[str, Any]:
        payload: dict[str, Any] = jwt.decode(
            token,
            signing.key,
            algorithms=[signing.algorithm],
            leeway=LEEWAY_SECONDS,
            # A signed userinfo response may leave out who it is from and for.
            options={"require": require, "verify_aud": False},
        )
        audience, client_id = payload.get("aud", self.settings.client_id), self.settings.client_id
        if audience != client_id and not (isinstance(audience, list) and client_id in audience):
            raise jwt.InvalidAudienceError("it is for another client")
        issuer = self.settings.issuer
        if self.endpoints.has_tenants:
            issuer = discovery.issuer_in(self.endpoints.issuer, payload.get("tid"))
            if signing.issuer and issuer != discovery.issuer_in(signing.issuer, payload.get("tid")):
                raise jwt.InvalidIssuerError("the key is for another issuer")
        if not issuer or payload.get("iss", issuer) != issuer:
            raise jwt.InvalidIssuerError("it is from another issuer")
        return payload
