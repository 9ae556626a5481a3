"""Tests the parts of Universal Logout that Ramp can see from its side.

Only a request of the provider shows whether the provider reaches Ramp.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from people.net import circuit_breaker, safe_http
from people.net.safe_http import OutboundError
from provisioning.connection_test.step import Step, failed, passed
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.oidc import discovery
from provisioning.oidc.urls_for_provider import revocation_url
from provisioning.providers.config import settings_of

KEY_TYPES: Final = ("RSA", "EC", "OKP")
# How the lines of the provider log begin.
MARK: Final = "Universal Logout"


def universal_logout_steps(provider: IdentityProvider) -> Iterator[Step]:
    """Yield the address of Ramp, and what verifies the provider's tokens."""
    address = revocation_url(provider)
    if urlsplit(settings.PUBLIC_BASE_URL).scheme == "https":
        yield passed("Address", f"The provider sends requests to {address}.")
    else:
        yield failed(
            "Address",
            f"The provider would send requests to {address}, which does not begin with https. Your "
            "Ramp operator sets the address with PUBLIC_BASE_URL.",
        )
    issuer = settings_of(provider).issuer
    # The test must not depend on earlier failures, nor on the cached discovery document.
    circuit_breaker.reset(safe_http.origin(issuer))
    discovery.forget(issuer)
    try:
        jwks = discovery.endpoints_of(issuer).jwks
        yield passed("Discovery", f"{issuer} names where its keys are.")
        keys = safe_http.fetch_json(jwks).get("keys")
    except OutboundError as error:
        yield failed("Discovery", str(error))
        return
    count = sum(map(_is_usable, keys)) if isinstance(keys, list) else 0
    if count:
        yield passed("Keys", f"The provider publishes {count} keys that can verify its requests.")
    else:
        yield failed("Keys", "The provider publishes no key that could verify its requests.")


def last_request(provider: IdentityProvider) -> SignInAttempt | None:
    """Return the line of the provider log about the last request; None if there was none."""
    attempts = SignInAttempt.objects.filter(provider=provider, detail__startswith=MARK)
    found: SignInAttempt | None = attempts.select_related("person").order_by("-pk").first()
    return found


def _is_usable(key: Any) -> bool:
    is_key = isinstance(key, dict) and key.get("kty") in KEY_TYPES
    return is_key and key.get("use", "sig") == "sig"
