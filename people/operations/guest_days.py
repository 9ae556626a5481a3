"""The default last day of a guest: half a year from now."""

from calendar import monthrange
from datetime import datetime

from django.utils import timezone

from people.models import Person

DEFAULT_MONTHS = 6


def default_last_day(now: datetime) -> datetime:
    """Return the same day half a year later, or the last day of a shorter month."""
    years, month = divmod(now.month - 1 + DEFAULT_MONTHS, 12)
    year, month = now.year + years, month + 1
    return now.replace(year=year, month=month, day=min(now.day, monthrange(year, month)[1]))


def set_default_last_day(person: Person) -> None:
    """Give a new guest the default last day. Other people have none."""
    if person.role == Person.Role.GUEST:
        person.deactivates_at = default_last_day(timezone.now())


def extend_last_day(person: Person) -> None:
    """Give a guest who is reactivated after their last day another half year."""
    if person.deactivates_at and person.deactivates_at <= timezone.now():
        set_default_last_day(person)
