"""Confirming that people keep their accounts although the provider's address has changed."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from people.models import Tenant
from people.values import PeopleError
from people.views.group_mappings import author_of
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning.models import IdentityProvider
from provisioning.providers import address_change
from provisioning.views.auth_providers import TAB, kept_provider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

PEOPLE_SHOWN = 200


@tenant_admin_required
@requires_recent_authentication
def move_auth_provider(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Show the people affected by the new address, and save the administrator's decision."""
    provider = kept_provider(tenant, provider_id)
    back = reverse("admin:auth_provider", args=[tenant.slug, provider.pk])
    if request.method == "POST" and _is_decided(request, provider):
        return redirect(back)
    move = address_change.pending(provider)
    if move is None:
        messages.info(request, str(address_change.NothingMoved()))
        return redirect(back)
    context = tenant_context(request, tenant, TAB, f"Confirm the new address of {provider}") | {
        "provider": provider,
        "move": move,
        "identities": move.identities[:PEOPLE_SHOWN],
        "more": max(0, len(move.identities) - PEOPLE_SHOWN),
        "back": back,
    }
    return render(request, "provisioning/tenant/confirm_address_change.html", context)


def _is_decided(request: PersonRequest, provider: IdentityProvider) -> bool:
    are_same = request.POST.get("decision") == "same"
    try:
        kept = address_change.confirm(
            provider,
            are_same=are_same,
            seen=request.POST.get("seen", ""),
            author=author_of(request.user),
        )
    except PeopleError as error:
        messages.error(request, str(error))
        return False
    people = "1 person stays" if kept == 1 else f"{kept} people stay"
    result = f"{people} linked" if are_same else "nobody is linked anymore"
    messages.success(request, f"The new address of {provider} is confirmed: {result}.")
    return True
