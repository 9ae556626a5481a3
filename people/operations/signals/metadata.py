"""The addresses of the transmitter of a company, and its metadata (SSF 1.0 section 7)."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from people.models import Scope, SignalStream, Tenant


def issuer_of(tenant: Tenant) -> str:
    """Return the issuer, which is the `iss` of all security events of the company."""
    return f"{settings.PUBLIC_BASE_URL}/signals/{tenant.slug}"


def configuration_url(tenant: Tenant) -> str:
    """Return where receivers find the metadata: the path stands before that of the issuer."""
    issuer = urlsplit(issuer_of(tenant))
    return f"{issuer.scheme}://{issuer.netloc}/.well-known/ssf-configuration{issuer.path}"


def poll_url(stream: SignalStream) -> str:
    return f"{issuer_of(stream.tenant)}/poll/{stream.pk}"


def configuration_of(tenant: Tenant) -> dict[str, Any]:
    issuer = issuer_of(tenant)
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks.json",
        "delivery_methods_supported": SignalStream.Method.values,
        "configuration_endpoint": f"{issuer}/stream",
        "status_endpoint": f"{issuer}/status",
        "verification_endpoint": f"{issuer}/verify",
        # The CAEP interoperability profile requires OAuth. Ramp has no token endpoint: an
        # administrator creates the token. It is sent as RFC 6750 specifies.
        "authorization_schemes": [
            {"spec_urn": "urn:ietf:rfc:6749"},
            {"spec_urn": "urn:ietf:rfc:6750"},
        ],
        # Every stream is about all people of the company.
        "default_subjects": "ALL",
    }


def resource_metadata_of(tenant: Tenant) -> dict[str, Any]:
    """Return what OAuth clients read about the stream management API (RFC 9728 section 2)."""
    issuer = issuer_of(tenant)
    return {
        "resource": issuer,
        "scopes_supported": [Scope.MANAGE_SIGNALS.value],
        "bearer_methods_supported": ["header"],
        "jwks_uri": f"{issuer}/jwks.json",
    }
