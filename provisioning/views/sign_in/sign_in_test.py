"""A test sign-in: an administrator signs in through a provider, and stays who they are.

It is the only sign-in through a provider that is still a draft.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.views.permissions import is_tenant_admin
from provisioning.claims import Claims
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome

# The session key of the test that the visitor has begun.
TESTING: Final = "sign_in_test"
LIFETIME: Final = timedelta(minutes=15)


def begin_test(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Redirect to the provider; the sign-in that follows in this session is the test."""
    request.session[TESTING] = {"provider": str(provider.pk), "at": timezone.now().timestamp()}
    return redirect("admin:sign_in_with", provider.tenant.slug, provider.pk)


def is_testing(request: HttpRequest, provider: IdentityProvider) -> bool:
    """Tell whether the visitor administers the provider's tenant and has just begun a test."""
    begun = request.session.get(TESTING) or {}
    is_recent = timezone.now().timestamp() - begun.get("at", 0) < LIFETIME.total_seconds()
    visitor = request.user
    return (
        is_recent
        and begun.get("provider") == str(provider.pk)
        and isinstance(visitor, Person)
        and is_tenant_admin(visitor)
        and visitor.tenant_id == provider.tenant_id
    )


def provider_to_sign_in(
    request: HttpRequest, slug: str, provider_id: UUID | str, **fields: str
) -> IdentityProvider:
    """Return the provider, if it is offered or the visitor tests it.

    :raises Http404: otherwise.
    """
    with tenancy.across_tenants():
        kept = IdentityProvider.objects.kept().select_related("tenant")
        provider: IdentityProvider = get_object_or_404(
            kept, pk=provider_id, tenant__slug=slug, **fields
        )
    if not (provider.is_enabled or is_testing(request, provider)):
        raise Http404
    return provider


def finish_test(request: HttpRequest, provider: IdentityProvider, claims: Claims) -> HttpResponse:
    """Record that the provider identified somebody, and offer it if it was a draft."""
    administrator = request.user
    assert isinstance(administrator, Person)
    del request.session[TESTING]
    attempt_log.log_attempt(
        Outcome.TESTED, provider, person=administrator, subject=claims.subject, email=claims.email
    )
    manage.pass_test(provider, is_offered=True, actor=administrator.actor)
    known = claims.email or claims.subject
    where = " The sign-in page shows it." if provider.is_enabled else ""
    messages.success(
        request, f"The test sign-in succeeded: {provider} identified you as {known}.{where}"
    )
    return redirect("admin:auth_provider", provider.tenant.slug, provider.pk)
