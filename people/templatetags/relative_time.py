"""Times relative to now."""

from datetime import datetime

from django import template
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(moment: datetime, now: datetime | None = None) -> str:
    """Tell how long ago it was, to the minute: “just now”, “5 minutes ago”."""
    since = timesince(moment, now)
    return "just now" if since.startswith("0") else f"{since} ago"
