"""Shows times in the zone of the viewer, and reads the days that the viewer enters.

A middleware activates the zone of the viewer for the pages. Elsewhere, in jobs and in the API, the
zone is UTC. Each text names the zone by its offset, because abbreviations such as CST mean several.
"""

from datetime import date, datetime, time, tzinfo

from django.utils import timezone


def moment_text(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return day, time and zone, such as “2 March 2026, 14:05 UTC+1”.

    :param zone: the zone of the viewer by default.
    """
    local = timezone.localtime(moment, zone)
    return f"{local:%-d %B %Y, %H:%M} {offset_text(local)}"


def exact_moment_text(moment: datetime) -> str:
    """Return day, time with seconds, and zone."""
    local = timezone.localtime(moment)
    return f"{local:%-d %B %Y, %H:%M:%S} {offset_text(local)}"


def day_text(moment: datetime) -> str:
    """Return the day in the zone of the viewer, such as “2 March 2026”."""
    return f"{timezone.localtime(moment):%-d %B %Y}"


def clock_text(moment: datetime) -> str:
    """Return time and zone of a moment whose day is known, such as “14:05 UTC+1”."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M} {offset_text(local)}"


def exact_clock_text(moment: datetime) -> str:
    """Return time with seconds, and zone, of a moment whose day is known."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M:%S} {offset_text(local)}"


def offset_text(local: datetime) -> str:
    """Return the offset from UTC, such as “UTC”, “UTC-3” or “UTC+5:30”."""
    offset = local.utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset else 0
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")


def start_of_day(day: date) -> datetime:
    """Return the first moment of the day in the zone of the viewer."""
    return timezone.make_aware(datetime.combine(day, time.min))


def end_of_day(day: date) -> datetime:
    """Return the last moment of the day in the zone of the viewer."""
    return timezone.make_aware(datetime.combine(day, time.max))
