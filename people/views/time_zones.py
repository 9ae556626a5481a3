"""The time zone of the viewer, in which pages show times and read days."""

from typing import Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from people.models.time_zones import named_zone, zone_names

# static/ramp.js sets it.
COOKIE: Final = "time_zone"


def viewer_zone(request: HttpRequest) -> ZoneInfo | None:
    """Return the zone of the person's account, otherwise of the browser, if one is known."""
    settings = getattr(request.user, "account_settings", None)
    chosen = named_zone(settings.time_zone) if settings else None
    return chosen or named_zone(browser_zone(request))


def browser_zone(request: HttpRequest) -> str:
    """Return the name of the browser's zone; blank without scripts, and for an invalid name."""
    name = request.COOKIES.get(COOKIE, "")
    return name if name in zone_names() else ""
