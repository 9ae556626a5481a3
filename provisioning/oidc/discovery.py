"""What an OpenID provider says of itself: its endpoints and its keys.

OpenID Connect Discovery 1.0; keys are a JWK Set (RFC 7517). Both are asked for through
`safe_http`, and kept for an hour by each process.
"""

from dataclasses import dataclass
from typing import Any, Final

import jwt
from django.core.cache import cache

from provisioning.net import safe_http
from provisioning.net.safe_http import OutboundError

KEPT_SECONDS: Final = 3600
# An unknown key id may be a new key; nobody makes us ask for keys more often than this.
ASKED_AGAIN_SECONDS: Final = 30
# Never "none", and no HMAC: its key would be the client secret.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    end_session: str = ""
    # How the token endpoint wants to be shown the client secret.
    takes_post: bool = False


def endpoints_of(issuer: str) -> Endpoints:
    """Return where the provider is asked for what.

    :raises OutboundError: if its discovery document cannot be had, or is another's.
    """
    key = f"oidc-discovery:{issuer}"
    known: Endpoints | None = cache.get(key)
    if known is None:
        known = _discovered(issuer)
        cache.set(key, known, KEPT_SECONDS)
    return known


def forget(issuer: str) -> None:
    """Discard the cached discovery document."""
    cache.delete(f"oidc-discovery:{issuer}")


def _discovered(issuer: str) -> Endpoints:
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    document = safe_http.fetch_json(url)
    if document.get("issuer") != issuer:
        raise OutboundError(
            "issuer-mismatch",
            f"{url} names the issuer “{document.get('issuer')}”. Enter the issuer exactly "
            "like this.",
        )
    return Endpoints(
        issuer=issuer,
        authorization=_needed(document, "authorization_endpoint", url),
        token=_needed(document, "token_endpoint", url),
        jwks=_needed(document, "jwks_uri", url),
        userinfo=_optional(document, "userinfo_endpoint"),
        end_session=_optional(document, "end_session_endpoint"),
        takes_post=_takes_post(document),
    )


def _takes_post(document: dict[str, Any]) -> bool:
    """Tell whether the secret has to go into the form: where the usual header is not offered.

    A provider that offers both may hold each client to one, which is the header by default.
    """
    methods = _listed(document.get("token_endpoint_auth_methods_supported"))
    return "client_secret_post" in methods and "client_secret_basic" not in methods


def _needed(document: dict[str, Any], name: str, url: str) -> str:
    if said := _optional(document, name):
        return said
    raise OutboundError("incomplete-discovery", f"{url} does not contain {name}.")


def _optional(document: dict[str, Any], name: str) -> str:
    said = document.get(name)
    if not isinstance(said, str) or not said:
        return ""
    safe_http.checked(said)
    return said


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else []


def key_for(token: str, jwks_url: str) -> tuple[Any, str]:
    """Return the key that the token says it is signed with, and the algorithm.

    :raises jwt.InvalidTokenError: if it is no token, or there is no such key.
    :raises OutboundError: if the keys cannot be had.
    """
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError(f"it is signed by {algorithm}, which is not accepted")
    kept = f"oidc-keys:{jwks_url}"
    for keys in (cache.get(kept), None):
        known = _asked_for_keys(jwks_url, kept) if keys is None else keys
        if found := _matching(known, header.get("kid"), algorithm):
            return jwt.PyJWK(found, algorithm=algorithm).key, algorithm
    raise jwt.InvalidKeyError("it is signed with a key that the provider does not publish")


def _asked_for_keys(url: str, kept: str) -> list[Any]:
    """Ask for the keys, unless that was a moment ago."""
    known = cache.get(kept)
    if known is not None and not cache.add(f"{kept}:asked", 1, ASKED_AGAIN_SECONDS):
        return list(known)
    keys = _listed(safe_http.fetch_json(url).get("keys"))
    cache.set(kept, keys, KEPT_SECONDS)
    return keys


def _matching(keys: list[Any], kid: Any, algorithm: str) -> dict[str, Any] | None:
    """Return the one key that fits; a token without a key id fits if just one does."""
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
