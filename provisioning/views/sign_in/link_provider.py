"""Linking another provider to one's own account by signing in there."""

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from people.models import Person
from people.views.reauthentication import requires_recent_authentication
from provisioning.models import IdentityProvider
from provisioning.views.sign_in.finish import NEXT, link_next_sign_in


@login_required
@requires_recent_authentication
@require_POST
def link_provider(request: HttpRequest, slug: str, provider_id: UUID) -> HttpResponse:
    """Redirect the signed-in person to the provider; the account there is then linked to them."""
    visitor = cast("Person", request.user)
    offered = IdentityProvider.objects.offered().filter(tenant=visitor.tenant_id)
    provider = get_object_or_404(offered, pk=provider_id, tenant__slug=slug)
    link_next_sign_in(request, provider)
    request.session[NEXT] = reverse("admin:home")
    return redirect("admin:sign_in_with", slug, provider.pk)
