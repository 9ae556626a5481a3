"""The setup steps for a colleague in IT, who does not need an account.

The link is signed and contains the connection and the last day on which it is valid. Nothing
about it is stored.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from people import tenancy
from people.views.page_context import page_context
from scim.api.request import base_url
from scim.connections.presets import PRESETS
from scim.models import Connection

SALT = "setup steps for a colleague"
DAYS = 7


@dataclass(frozen=True)
class Link:
    address: str
    last_day: date


def link_to_steps(connection: Connection) -> Link:
    """Return the link; it is the same for the whole day, because it contains only a date."""
    last_day = timezone.now().date() + timedelta(days=DAYS)
    signed = {"connection": str(connection.pk), "last_day": last_day.isoformat()}
    token = signing.Signer(salt=SALT).sign_object(signed)
    path = reverse("admin:setup_link", args=[token])
    return Link(f"{settings.PUBLIC_BASE_URL}{path}", last_day)


@never_cache
@require_safe
def steps_for_it(request: HttpRequest, token: str) -> HttpResponse:
    try:
        signed = signing.Signer(salt=SALT).unsign_object(token)
    except signing.BadSignature as error:
        raise Http404 from error
    last_day = parse_date(signed["last_day"])
    connection = _in_setup(UUID(signed["connection"]))
    if last_day is None or last_day < timezone.now().date():
        why = f"It was valid until {signed['last_day']}."
    elif connection is None:
        why = "The connection has been activated, or its setup was canceled."
    else:
        guide = PRESETS[connection.provider].guide
        context = page_context(request, f"Connect {guide.name} to Ramp") | {
            "company": connection.tenant.name,
            "guide": guide,
            "base_url": base_url(),
            "last_day": last_day,
        }
        return render(request, "scim/setup/steps_for_it.html", context)
    return render(request, "scim/setup/link_expired.html", {"why": why}, status=410)


def _in_setup(connection_id: UUID) -> Connection | None:
    # The reader of the link is not signed in, so no tenant is set.
    with tenancy.across_tenants():
        connections = Connection.objects.select_related("tenant")
        connections = connections.filter(activated_at=None, disconnected_at=None)
        return connections.filter(pk=connection_id, tenant__is_active=True).first()
