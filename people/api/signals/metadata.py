"""What receivers read without a token: the metadata of the transmitter, and its public keys."""

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from people import tenancy
from people.models import Tenant
from people.operations.signals import keys
from people.operations.signals.metadata import configuration_of, resource_metadata_of

JWK_SET = "application/jwk-set+json"
# Receivers may keep them for a while. An unknown `kid` makes them ask again.
CACHED = {"Cache-Control": "max-age=300"}


@require_safe
def signal_configuration(request: HttpRequest, slug: str) -> JsonResponse:
    tenant = get_object_or_404(Tenant, slug=slug, is_active=True)
    return JsonResponse(configuration_of(tenant), headers=CACHED)


@require_safe
def signal_resource(request: HttpRequest, slug: str) -> JsonResponse:
    tenant = get_object_or_404(Tenant, slug=slug, is_active=True)
    return JsonResponse(resource_metadata_of(tenant), headers=CACHED)


@require_safe
def signal_jwks(request: HttpRequest, slug: str) -> JsonResponse:
    tenant = get_object_or_404(Tenant, slug=slug, is_active=True)
    with tenancy.use(tenant):
        published = list(keys.published_keys().values_list("public_jwk", flat=True))
    return JsonResponse({"keys": published}, headers=CACHED, content_type=JWK_SET)
