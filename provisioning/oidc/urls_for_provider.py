"""The URLs of sign-in through a provider, some of which have to be entered at the provider."""

from django.conf import settings
from django.urls import reverse

from provisioning.models import IdentityProvider


def sign_in_url(provider: IdentityProvider) -> str:
    return _url("sign_in_with", provider)


def redirect_uri(provider: IdentityProvider) -> str:
    """Return the redirect URI for an OpenID provider."""
    return _url("oidc_callback", provider)


def signed_out_uri(provider: IdentityProvider) -> str:
    """Return the post-logout redirect URI."""
    path = reverse("admin:sign_in", args=[provider.tenant.slug])
    return f"{settings.PUBLIC_BASE_URL}{path}"


def revocation_url(provider: IdentityProvider) -> str:
    """Return the endpoint for Universal Logout (Global Token Revocation)."""
    return _url("global_token_revocation", provider)


def addresses_of(provider: IdentityProvider) -> dict[str, str]:
    """Return every URL to enter at the provider, by its field name."""
    known = {"sign_in_url": sign_in_url(provider)}
    if provider.kind == IdentityProvider.Kind.OIDC:
        known |= {
            "redirect_uri": redirect_uri(provider),
            "post_logout_redirect_uri": signed_out_uri(provider),
            "backchannel_logout_uri": _url("oidc_backchannel_logout", provider),
            "global_token_revocation_endpoint": revocation_url(provider),
        }
    return known


def _url(name: str, provider: IdentityProvider) -> str:
    path = reverse(f"admin:{name}", args=[provider.tenant.slug, provider.pk])
    return f"{settings.PUBLIC_BASE_URL}{path}"
