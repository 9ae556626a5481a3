"""The endpoint to which a transmitter pushes signals (RFC 8935)."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from people import tenancy
from people.net.safe_http import OutboundError
from provisioning.models import TransmitterStream
from provisioning.shared_signals import streams
from provisioning.shared_signals.receiving import log_refusal, receive
from provisioning.shared_signals.tokens import MAX_BYTES, SignalRefused

CONTENT_TYPE: Final = "application/secevent+jwt"
# The header names the language of `description` (RFC 8935 section 2.3).
HEADERS: Final = {"Cache-Control": "no-store", "Content-Language": "en"}


@csrf_exempt
@require_POST
def signal_push(request: HttpRequest, slug: str, provider_id: UUID, key: UUID) -> HttpResponse:
    """Apply the security event token in the body: 202, or 400 with the reason."""
    with tenancy.across_tenants():
        known = TransmitterStream.objects.select_related("provider__tenant", "configured_by")
        stream = get_object_or_404(
            known,
            provider=provider_id,
            key=key,
            provider__tenant__slug=slug,
            provider__removed_at=None,
            delivery=TransmitterStream.Delivery.PUSH,
        )
    with tenancy.use(stream.tenant_id):
        try:
            receive(stream, _token(request, stream))
        except SignalRefused as refusal:
            log_refusal(stream, refusal)
            body = {"err": refusal.err, "description": str(refusal)}
            return JsonResponse(body, status=400, headers=HEADERS)
        except OutboundError as error:
            # The keys of the transmitter are not available. It has to send the token again.
            log_refusal(stream, SignalRefused("temporarily_unavailable", str(error)))
            body = {"err": "temporarily_unavailable", "description": str(error)}
            return JsonResponse(body, status=503, headers={**HEADERS, "Retry-After": "30"})
    return HttpResponse(status=202, headers={"Cache-Control": "no-store"})


def _token(request: HttpRequest, stream: TransmitterStream) -> str:
    """Return the token in the body.

    :raises SignalRefused: if the request is not one of the stream's transmitter.
    """
    if not streams.is_authorized(stream, request.headers.get("Authorization", "")):
        raise SignalRefused(
            "authentication_failed",
            "The header Authorization is not the one that Ramp gave to the transmitter.",
        )
    if request.content_type != CONTENT_TYPE:
        raise SignalRefused("invalid_request", f"The content type is not {CONTENT_TYPE}.")
    content = request.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SignalRefused("invalid_request", f"The token is larger than {MAX_BYTES // 1024} KiB.")
    return content.decode("ascii", errors="replace").strip()
