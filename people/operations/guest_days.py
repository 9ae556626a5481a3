"""How long a guest stays: half a year, unless an administrator says otherwise."""

from calendar import monthrange
from datetime import datetime

from django.utils import timezone

from people.models import Person

USUAL_MONTHS = 6


def usual_end(now: datetime) -> datetime:
    """Return the same day half a year later, or the last of that month if it is shorter."""
    years, month = divmod(now.month - 1 + USUAL_MONTHS, 12)
    year, month = now.year + years, month + 1
    return now.replace(year=year, month=month, day=min(now.day, monthrange(year, month)[1]))


def begin(person: Person) -> None:
    """Give a new guest their last day."""
    if person.role == Person.Role.GUEST:
        person.deactivates_at = usual_end(timezone.now())


def begin_again(person: Person) -> None:
    """Give a guest who comes back after their last day another half year."""
    if person.deactivates_at and person.deactivates_at <= timezone.now():
        begin(person)
