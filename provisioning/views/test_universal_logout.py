"""The test of Universal Logout, which asks the provider for its keys and signs nobody out."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from people.models import Tenant
from people.views.permissions import PersonRequest
from provisioning.connection_test.universal_logout_steps import (
    last_request,
    universal_logout_steps,
)
from provisioning.providers import connection_test_limits
from provisioning.views.auth_providers import TAB
from provisioning.views.shared_signals import openid_provider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context


@tenant_admin_required
def test_universal_logout(
    request: PersonRequest, tenant: Tenant, provider_id: UUID
) -> HttpResponse:
    provider = openid_provider(tenant, provider_id)
    title = f"Test Universal Logout of {provider}"
    context = tenant_context(request, tenant, TAB, title) | {
        "provider": provider,
        "last_request": last_request(provider),
    }
    if request.method == "POST":
        if connection_test_limits.allow_test():
            steps = list(universal_logout_steps(provider))
            context |= {"steps": steps, "is_ok": all(step.is_ok for step in steps)}
        else:
            context["must_wait"] = connection_test_limits.PER_MINUTE
    return render(request, "provisioning/tenant/test_universal_logout.html", context)
