"""OpenID Connect: from a code that the provider sent somebody back with to claims.

mozilla-django-oidc runs the flow; its settings come from a provider's row. What it leaves
unchecked is checked here: who issued the token, for whom, until when, by which algorithm,
and whom the userinfo is about (OpenID Connect Core 1.0, sections 3.1.3.7 and 5.3.2). Whom it
would find by an address, `sign_in` finds by the subject.
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
from provisioning.claims import Claims, Group, Groups
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
    """Answers mozilla-django-oidc's questions about settings from a provider's row."""

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
            # Any address without arguments: what the library makes of it is replaced.
            "OIDC_AUTHENTICATION_CALLBACK_URL": "admin:login",
        }


class Backend(ProviderSettings, OIDCAuthenticationBackend):
    """Turns an authorization code into claims; `views.sign_in.finish` decides what follows."""

    def __init__(self, provider: IdentityProvider) -> None:
        """Leave out what the library reads here, before anybody knows which provider it is."""
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

        :raises OidcFailed: if anything about it is not as it has to be.
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
        if not self.endpoints.takes_post:
            client_id = payload["client_id"]
            secret = payload.pop("client_secret")
            # RFC 6749 section 2.3.1: each part is form-encoded first.
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = safe_http.fetch(self.endpoints.token, method="POST", form=payload, headers=headers)
        said = answer.json()
        if answer.status != 200 or not isinstance(said, dict):
            raise OidcFailed("code-refused", _refusal_of(answer.status, said))
        if not isinstance(said.get("id_token"), str):
            raise OidcFailed(
                "no-id-token",
                "The token endpoint did not return an ID token. Request the scope openid.",
            )
        return said

    def verify_token(self, token: str, **expected: Any) -> dict[str, Any]:
        """Return what the ID token says.

        :raises jwt.PyJWTError, OidcFailed: if it was not made by this provider, for us, now.
        """
        said = self._decoded(token, require=["exp", "iat", "iss", "aud", "sub"])
        several = isinstance(said["aud"], list) and len(said["aud"]) > 1
        if said.get("azp", "" if several else self.settings.client_id) != self.settings.client_id:
            raise OidcFailed("bad-token", "The ID token was issued for another client (azp).")
        if not hmac.compare_digest(str(said.get("nonce", "")), str(expected.get("nonce") or "-")):
            raise OidcFailed("bad-token", "The ID token does not match this sign-in (nonce).")
        return said

    def store_tokens(self, access_token: str | None, id_token: str) -> None:
        self.id_token = id_token

    def get_userinfo(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        if not self.endpoints.userinfo or not access_token:
            return payload
        headers = {"Authorization": f"Bearer {access_token}"}
        said = safe_http.fetch_json(self.endpoints.userinfo, headers=headers)
        if said.get("sub") != payload["sub"]:
            raise OidcFailed("other-userinfo", "The userinfo response is for a different subject.")
        # Entra and ADFS put groups and roles into the ID token alone.
        names = ("email", "email_verified", "given_name", "family_name", "name")
        return {**said, **payload, **{name: said[name] for name in names if name in said}}

    def get_or_create_user(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> Claims:
        """Return claims: who that is, `sign_in` finds out."""
        self.sid = str(payload.get("sid") or "")
        if isinstance(at := payload.get("auth_time"), int | float):
            self.authenticated_at = at
        return claims_from(self.get_userinfo(access_token, id_token, payload), self.settings)

    def get_user(self, user_id: object) -> Person | None:
        """Find nobody: sessions belong to SessionBackend."""

    def logged_out(self, token: str) -> tuple[str, str]:
        """Return whose sessions a logout token ends: the provider's session, the subject.

        OpenID Connect Back-Channel Logout 1.0, section 2.6.

        :raises jwt.PyJWTError, OidcFailed: if it is none.
        """
        said = self._decoded(token, require=["iat", "iss", "aud", "jti", "events"])
        sid, subject = str(said.get("sid") or ""), str(said.get("sub") or "")
        events = said["events"]
        is_one = isinstance(events, dict) and BACKCHANNEL_EVENT in events
        if not is_one or "nonce" in said or not (sid or subject):
            raise OidcFailed("bad-token", "This is not a logout token.")
        if said["iat"] < time.time() - 2 * LEEWAY_SECONDS:
            raise OidcFailed("bad-token", "The logout token is too old.")
        if not cache.add(f"oidc-jti:{self.provider.pk}:{said['jti']}", 1, 4 * LEEWAY_SECONDS):
            raise OidcFailed("bad-token", "The logout token was already used.")
        return sid, subject

    def _decoded(self, token: str, *, require: list[str]) -> dict[str, Any]:
        key, algorithm = discovery.key_for(token, self.endpoints.jwks)
        said: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self.settings.client_id,
            issuer=self.settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": require},
        )
        return said


def claims_from(said: dict[str, Any], settings: OidcSettings) -> Claims:
    """Return the claims of an ID token and its userinfo, in our words."""
    return Claims(
        subject=_subject(said),
        email=_text(said, "email"),
        is_email_verified=_truth(said.get("email_verified")),
        given_name=_text(said, "given_name"),
        family_name=_text(said, "family_name"),
        name=_text(said, "name"),
        groups=groups_from(said, settings.groups_claim),
        said={name: str(value) for name, value in said.items() if isinstance(value, str | int)},
    )


def groups_from(said: dict[str, Any], claim: str) -> Groups:
    """Return the groups that the claim lists; unknown where it says nothing that we can read."""
    if claim in _listed(said.get("_claim_names")) or said.get("hasgroups"):
        return Groups(
            because="the person has too many groups for the token (overage); have the provider "
            "send fewer groups, or only those assigned to Ramp"
        )
    value = _at(said, claim)
    if value is None:
        return Groups(because=f"the token has no claim “{claim}”")
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        return Groups(because=f"the claim “{claim}” is not a list")
    return Groups(frozenset(group for one in listed if (group := _group(one))))


def _group(said: Any) -> Group | None:
    match said:
        case str() if said:
            return Group(said, said)
        case {"id": str() as key, **more}:
            names = (more.get("displayName"), more.get("name"), more.get("display"), key)
            return Group(key, next(str(name) for name in names if name))
        case _:
            return None


def _at(said: dict[str, Any], claim: str) -> Any:
    """Return the claim of that name; failing that, what a dotted path leads to."""
    if claim in said:
        return said[claim]
    value: Any = said
    for part in claim.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _subject(said: dict[str, Any]) -> str:
    """Return who it is for ever; Entra's `sub` is another one for each of its clients."""
    tenant, person = said.get("tid"), said.get("oid")
    if isinstance(tenant, str) and isinstance(person, str) and tenant and person:
        return f"{tenant}/{person}"
    return _text(said, "sub")


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value.strip() if isinstance(value, str) and name != "sub" else str(value or "")


def _truth(said: Any) -> bool | None:
    if isinstance(said, str):
        return {"true": True, "false": False}.get(said.casefold())
    return said if isinstance(said, bool) else None


def _listed(said: Any) -> Any:
    return said if isinstance(said, dict | list) else ()


def _refusal_of(status: int, said: Any) -> str:
    told = said if isinstance(said, dict) else {}
    why = str(told.get("error_description") or told.get("error") or "")[:300]
    hint = {
        "invalid_client": " Check the client ID and client secret.",
        "invalid_grant": " Check the redirect URI, and the provider's clock.",
    }.get(str(told.get("error")), "")
    return (
        "The token endpoint rejected the code with status "
        f"{status}{': ' + why if why else ''}.{hint}"
    )
