"""OpenID Connect: exchanges an authorization code for verified claims.

mozilla-django-oidc runs the flow, with settings from a provider's row. This module adds the checks
that the library lacks: issuer, audience, expiry and algorithm of the token, and the subject of
the userinfo (OpenID Connect Core 1.0, sections 3.1.3.7 and 5.3.2). The library would find people by
their address; here `sign_in` finds them by the subject.
"""

import base64
import hmac
import time
from typing import Any, Final
from urllib.parse import quote

import jwt
from django.core.cache import cache
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from people.models import Person
from provisioning.claims import Claims, Groups
from provisioning.claims.groups import read_groups
from provisioning.claims.paths import value_at
from provisioning.claims.preview import kept_for_preview
from provisioning.claims.values import Unreadable, read_text, read_truth
from provisioning.models import IdentityProvider
from provisioning.net import safe_http
from provisioning.net.safe_http import OutboundError
from provisioning.oidc import discovery
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
        # When the provider last asked for credentials, if it says so.
        self.authenticated_at: float | None = None

    def claims(self, request: HttpRequest, *, nonce: str, code_verifier: str) -> Claims:
        """Exchange the authorization code and return the claims.

        :raises OidcFailed: if a request or a check fails.
        """
        try:
            said = self.authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except OutboundError as error:
            raise OidcFailed(error.code, str(error)) from error
        except jwt.PyJWTError as error:
            raise OidcFailed("bad-token", f"The ID token is not valid: {error}.") from error
        if said is None:
            raise OidcFailed("no-code", "The provider did not return an authorization code.")
        claims: Claims = said
        return claims

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        payload["redirect_uri"] = redirect_uri(self.provider)
        headers = {}
        if not self.endpoints.uses_post:
            client_id = payload["client_id"]
            secret = payload.pop("client_secret")
            # RFC 6749 section 2.3.1: each part is form-encoded first.
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = safe_http.fetch(self.endpoints.token, method="POST", form=payload, headers=headers)
        tokens = answer.json()
        if answer.status != 200 or not isinstance(tokens, dict):
            raise OidcFailed("code-refused", _refusal_of(answer.status, tokens))
        if not isinstance(tokens.get("id_token"), str):
            raise OidcFailed(
                "no-id-token",
                "The token endpoint did not return an ID token. Request the scope openid.",
            )
        return tokens

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
        userinfo = safe_http.fetch_json(self.endpoints.userinfo, headers=headers)
        if userinfo.get("sub") != payload["sub"]:
            raise OidcFailed("other-userinfo", "The userinfo response is for a different subject.")
        # The ID token wins for everything else: Entra and ADFS send groups and roles only there.
        names = ("email", "email_verified", "given_name", "family_name", "name")
        profile = {name: userinfo[name] for name in names if name in userinfo}
        return {**userinfo, **payload, **profile}

    def get_or_create_user(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> Claims:
        """Return the claims instead of a user. `sign_in` finds the person."""
        self.sid = str(payload.get("sid") or "")
        if isinstance(at := payload.get("auth_time"), int | float):
            self.authenticated_at = at
        return claims_from(self.get_userinfo(access_token, id_token, payload), self.settings)

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
        key, algorithm = discovery.key_for(token, self.endpoints.jwks)
        payload: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self.settings.client_id,
            issuer=self.settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": require},
        )
        return payload


def claims_from(claims: dict[str, Any], settings: OidcSettings) -> Claims:
    """Return the claims of an ID token and its userinfo. What cannot be read is left out."""
    texts: dict[str, str] = {}
    problems: list[str] = []
    for name in ("email", "given_name", "family_name", "name"):
        text = read_text(claims.get(name))
        if isinstance(text, Unreadable):
            problems.append(f"The claim “{name}” {text.why}. It changes nothing.")
            text = ""
        texts[name] = text
    return Claims(
        subject=_subject(claims),
        email=texts["email"],
        given_name=texts["given_name"],
        family_name=texts["family_name"],
        name=texts["name"],
        is_email_verified=read_truth(claims.get("email_verified")),
        groups=groups_from(claims, settings),
        said={name: text for name, value in claims.items() if (text := _said(value))},
        group_claims=kept_for_preview(claims),
        problems=tuple(problems),
    )


def groups_from(claims: dict[str, Any], settings: OidcSettings) -> Groups:
    """Return the groups in the claim; unknown if it is missing, unreadable, or an overage marker.

    Entra sends `_claim_names` or `hasgroups` instead of groups for people in too many of them.
    """
    claim, elsewhere = settings.groups_claim, claims.get("_claim_names")
    is_elsewhere = isinstance(elsewhere, dict | list) and claim in elsewhere
    if is_elsewhere or read_truth(claims.get("hasgroups")):
        return Groups(
            because="the person has too many groups for the token (overage); have the provider "
            "send fewer groups, or only those assigned to Ramp"
        )
    value = value_at(claims, claim)
    if value is None:
        return Groups(because=f"the token has no claim “{claim}”")
    groups = read_groups(value, settings.groups_separator)
    if isinstance(groups, Unreadable):
        return Groups(because=f"the claim “{claim}” {groups.why}")
    return Groups(groups)


def _subject(claims: dict[str, Any]) -> str:
    """Return the permanent subject. Entra's `sub` differs between clients: use `tid/oid`."""
    tenant, person = claims.get("tid"), claims.get("oid")
    if isinstance(tenant, str) and isinstance(person, str) and tenant and person:
        return f"{tenant}/{person}"
    # Not read tolerantly: two subjects must never become equal.
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else ""


def _said(value: Any) -> str:
    """Return the value as text, unchanged, for the pairing and the required claim."""
    if isinstance(value, str | bool):
        return str(value)
    text = read_text(value)
    return "" if isinstance(text, Unreadable) else text


def _refusal_of(status: int, answer: Any) -> str:
    error = answer if isinstance(answer, dict) else {}
    why = str(error.get("error_description") or error.get("error") or "")[:300]
    hint = {
        "invalid_client": " Check the client ID and client secret.",
        "invalid_grant": " Check the redirect URI, and the provider's clock.",
    }.get(str(error.get("error")), "")
    return (
        "The token endpoint rejected the code with status "
        f"{status}{': ' + why if why else ''}.{hint}"
    )
