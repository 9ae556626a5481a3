"""The endpoints and keys of an OpenID provider.

OpenID Connect Discovery 1.0; the keys are a JWK Set (RFC 7517). Both are fetched through
`safe_http`, and cached for an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import jwt
from django.core.cache import cache

from people.net import safe_http
from people.net.safe_http import OutboundError
from provisioning.providers.restrictions import SHARED_DIRECTORIES

CACHE_SECONDS: Final = 3600
# An unknown key id may be a new key. But forged tokens must not make Ramp fetch keys more often.
KEY_REFRESH_SECONDS: Final = 30
# Not "none", and no HMAC: its key would be the client secret, which is known to more parties.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
# Entra's issuers for accounts of several organizations. Their discovery document names a template,
# and each token the issuer of its organization.
# https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer
TENANT: Final = "{tenantid}"


class SigningKey(NamedTuple):
    key: Any
    algorithm: str
    # The only issuer that the key may sign for, or a template of it; blank if the provider does not
    # limit it.
    issuer: str


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    # With TENANT in place of the organization, if the provider has an issuer for each.
    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    end_session: str = ""
    # Whether the client secret may be in the form (client_secret_post), and whether it has to be,
    # because the provider does not accept it in the header.
    accepts_post: bool = False
    uses_post: bool = False

    @property
    def has_tenants(self) -> bool:
        return TENANT in self.issuer


def endpoints_of(issuer: str) -> Endpoints:
    """Return the endpoints of the issuer.

    :raises OutboundError: if the discovery document is not available, incomplete, or for another
        issuer.
    """
    key = f"oidc-discovery:{issuer}"
    known: Endpoints | None = cache.get(key)
    if known is None:
        known = _discovered(issuer)
        cache.set(key, known, CACHE_SECONDS)
    return known


def forget(issuer: str) -> None:
    """Discard the cached discovery document."""
    cache.delete(f"oidc-discovery:{issuer}")


def _discovered(issuer: str) -> Endpoints:
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    document = safe_http.fetch_json(url)
    stated = document.get("issuer")
    if stated != issuer and not _is_template_of(stated, issuer):
        raise OutboundError(
            "issuer-mismatch",
            f"{url} names the issuer “{stated}”. Enter the issuer exactly like this.",
        )
    methods = _listed(document.get("token_endpoint_auth_methods_supported"))
    accepts_post = "client_secret_post" in methods
    return Endpoints(
        issuer=str(stated),
        authorization=_needed(document, "authorization_endpoint", url),
        token=_needed(document, "token_endpoint", url),
        jwks=_needed(document, "jwks_uri", url),
        userinfo=_optional(document, "userinfo_endpoint"),
        end_session=_optional(document, "end_session_endpoint"),
        accepts_post=accepts_post,
        uses_post=accepts_post and "client_secret_basic" not in methods,
    )


def issuer_in(template: str, tenant: Any) -> str:
    """Return the issuer of the tenant by the template; blank if that is not the id of one."""
    if TENANT not in template:
        return template
    try:
        is_id = isinstance(tenant, str) and str(UUID(tenant)) == tenant.casefold()
    except ValueError:
        is_id = False
    return template.replace(TENANT, tenant) if is_id else ""


def _is_template_of(stated: Any, issuer: str) -> bool:
    is_template = isinstance(stated, str) and f"/{TENANT}/" in stated
    return is_template and issuer in [stated.replace(TENANT, name) for name in SHARED_DIRECTORIES]


def _needed(document: dict[str, Any], name: str, url: str) -> str:
    if url_of := _optional(document, name):
        return url_of
    raise OutboundError("incomplete-discovery", f"{url} does not contain {name}.")


def _optional(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        return ""
    safe_http.checked(value)
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def key_for(token: str, jwks_url: str, *, is_refetched: bool = False) -> SigningKey:
    """Return the key named in the token's header, and the algorithm.

    :param is_refetched: fetch the keys again, unless they were fetched a moment ago. A provider may
        have replaced a key and kept its id.
    :raises jwt.InvalidTokenError: if the token is malformed, or there is no such key.
    :raises OutboundError: if the keys are not available.
    """
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError(f"it is signed by {algorithm}, which is not accepted")
    kept = f"oidc-keys:{jwks_url}"
    for keys in (None,) if is_refetched else (cache.get(kept), None):
        known = _fetch_keys(jwks_url, kept) if keys is None else keys
        if found := _matching(known, header.get("kid"), algorithm):
            issuer = found.get("issuer")
            key = jwt.PyJWK(found, algorithm=algorithm).key
            return SigningKey(key, algorithm, issuer if isinstance(issuer, str) else "")
    raise jwt.InvalidKeyError("it is signed with a key that the provider does not publish")


def verified(
    token: str, jwks_url: str, verify: Callable[[SigningKey], dict[str, Any]]
) -> dict[str, Any]:
    """Return what `verify` returns for the key of the token, which is fetched again if it fails.

    :raises jwt.PyJWTError: if the token is invalid.
    :raises OutboundError: if the keys are not available.
    """
    try:
        return verify(key_for(token, jwks_url))
    except jwt.InvalidSignatureError:
        # The provider may have replaced the key and kept its id.
        return verify(key_for(token, jwks_url, is_refetched=True))


def _fetch_keys(url: str, kept: str) -> list[Any]:
    """Fetch the keys, unless they were fetched a moment ago."""
    known = cache.get(kept)
    if known is not None and not cache.add(f"{kept}:asked", 1, KEY_REFRESH_SECONDS):
        return list(known)
    keys = _listed(safe_http.fetch_json(url).get("keys"))
    cache.set(kept, keys, CACHE_SECONDS)
    return keys


def _matching(keys: list[Any], kid: Any, algorithm: str) -> dict[str, Any] | None:
    """Return the only matching key; None if there are several, or none.

    A token without a key id is accepted if only one key matches its algorithm.
    """
    kinds = {"R": "RSA", "P": "RSA", "E": "EC"}
    kind = "OKP" if algorithm == "EdDSA" else kinds[algorithm[0]]
    fitting = [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") == kind
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return fitting[0] if len(fitting) == 1 else None
