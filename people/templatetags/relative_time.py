"""Times relative to now, and times in the zone of the viewer."""

from datetime import datetime

from django import template
from django.utils.timesince import timesince

from people.presentation import times

register = template.Library()
register.filter("moment", times.moment_text)
register.filter("exact_moment", times.exact_moment_text)
register.filter("clock", times.clock_text)
register.filter("exact_clock", times.exact_clock_text)


@register.filter
def ago(moment: datetime, now: datetime | None = None) -> str:
    """Tell how long ago it was, to the minute: “just now”, “5 minutes ago”."""
    since = timesince(moment, now)
    return "just now" if since.startswith("0") else f"{since} ago"
