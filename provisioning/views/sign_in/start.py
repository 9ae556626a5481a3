"""The first step through a provider, whatever its kind."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from people import tenancy
from provisioning.models import IdentityProvider
from provisioning.providers.issuers import is_confirmed
from provisioning.sign_in.decide import Refusal
from provisioning.sign_in.errors import visitor_message
from provisioning.views.sign_in import ldap, oidc, windows
from provisioning.views.sign_in.finish import remember_next, sign_in_refused
from provisioning.views.sign_in.sign_in_test import provider_to_sign_in

Begin = Callable[[HttpRequest, IdentityProvider], HttpResponse]

BEGIN: dict[str, Begin] = {
    IdentityProvider.Kind.OIDC: oidc.begin,
    IdentityProvider.Kind.LDAP: ldap.begin,
    IdentityProvider.Kind.WINDOWS: windows.begin,
}


@never_cache
def sign_in_with(request: HttpRequest, slug: str, provider_id: UUID) -> HttpResponse:
    """Begin to sign in through the provider."""
    provider = provider_to_sign_in(request, slug, provider_id)
    if not provider.tenant.is_active:
        message = f"{provider.tenant.name} is suspended, so nobody can sign in."
        return sign_in_refused(request, provider.tenant, f"{message} Ask your administrator.")
    remember_next(request)
    with tenancy.use(provider.tenant_id):
        if not is_confirmed(provider):
            # Nobody types a password for a server that no administrator has confirmed.
            message = visitor_message(Refusal.PROVIDER_MOVED, provider)
            return sign_in_refused(request, provider.tenant, message)
        return BEGIN[provider.kind](request, provider)
