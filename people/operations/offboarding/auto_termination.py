"""Turns auto-termination on or off, and forecasts what a change of its days would do.

The days are a setting of the tenant. `schedule` has the scheduled terminations themselves.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from people import events
from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations.offboarding.blockers import blocked_people
from people.operations.offboarding.schedule import GRACE, due_at
from people.values import Actor, PeopleError

DEFAULT_DAYS = 45
# The maximum of the column, a smallint.
MAX_DAYS = 32_767
BATCH = 1000
# Rows with a manual decision remain when auto-termination is turned off.
DECIDED = Q(exempted_at__isnull=False) | Q(postponed_from__isnull=False)
DECIDED |= Q(handover_plan__isnull=False)


class InvalidDays(PeopleError):
    code = "invalid-days"
    field = "days"

    def __init__(self) -> None:
        super().__init__(f"Enter a number of days from 1 to {MAX_DAYS}, such as {DEFAULT_DAYS}.")


def read_days(text: str) -> int:
    """Parse the number of days from a form.

    :raises InvalidDays: if the text is not a number, or out of range.
    """
    number = text.strip()
    # int() would also accept “1_0” and the digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= MAX_DAYS:
        raise InvalidDays
    return int(number)


@transaction.atomic
def set_auto_termination(tenant: Tenant, days: int | None, *, actor: Actor) -> int:
    """Turn auto-termination on or off (None), or change the days; return how many are scheduled.

    The days count from the deactivation, but people who become due by this change are terminated
    after `GRACE` at the earliest. Manual postponements are kept.

    :raises InvalidDays: if the number is out of range.
    """
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidDays
    # no_key: inserting rows that refer to the tenant need not wait.
    locked = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    before = locked.auto_terminate_days
    tenant.auto_terminate_days = locked.auto_terminate_days = days
    if before != days:
        locked.save(update_fields=["auto_terminate_days"])
        changes = {"auto_terminate_days": {"from": before, "to": days}}
        events.record(
            Event.Kind.ORGANIZATION_CHANGED,
            None,
            actor=actor,
            changes=changes,
            what="auto-termination",
        )
    if days is None:
        ScheduledTermination.objects.exclude(DECIDED).delete()
        return 0
    return _reschedule(days, is_new=before is None)


@dataclass(frozen=True)
class ScheduleForecast:
    """The effect of a number of days on the people who are inactive now."""

    # How many would be terminated right after `GRACE`, and how many of these have blockers.
    soon: int
    blocked: int
    later: int
    first: datetime | None
    last: datetime | None
    # Postponed or exempt people: nothing changes for them.
    decided: int


def forecast(days: int, *, now: datetime) -> ScheduleForecast:
    """Return how many people would be due, and when, with this number of days."""
    everybody = Person.objects.deactivated_via_scim()
    counted = everybody.filter(
        scheduled_termination__exempted_at=None, scheduled_termination__postponed_from=None
    )
    length = timedelta(days=days)
    soon = now + GRACE - length
    due = counted.filter(deactivated_at__lte=soon)
    later = counted.filter(deactivated_at__gt=soon).aggregate(
        count=Count("pk"), first=Min("deactivated_at"), last=Max("deactivated_at")
    )
    return ScheduleForecast(
        soon=due.count(),
        blocked=due.filter(pk__in=blocked_people()).count(),
        later=later["count"],
        first=later["first"] and later["first"] + length,
        last=later["last"] and later["last"] + length,
        decided=everybody.count() - counted.count(),
    )


def affected_people() -> QuerySet[Person]:
    """Return the inactive people that a new number of days would affect, the earliest due first."""
    people: QuerySet[Person] = Person.objects.deactivated_via_scim()
    return people.select_related("scheduled_termination").order_by("deactivated_at", "pk")


def affected_fingerprint() -> str:
    """Return a text that changes when the affected people change, to detect a stale preview."""
    found = affected_people().aggregate(count=Count("pk"), last=Max("deactivated_at"))
    return f"{found['count']} {found['last'].isoformat()}" if found["count"] else ""


def forecast_due_at(person: Person, days: int, *, is_new: bool, now: datetime) -> datetime:
    """Return when the person would be due if the days were set now.

    It is the same rule as in `_reschedule`, which applies it in SQL.

    :param is_new: whether auto-termination is off until then.
    """
    scheduled: ScheduledTermination | None = getattr(person, "scheduled_termination", None)
    counted, floor = due_at(person, days), now + GRACE
    if scheduled and scheduled.postponed_from:
        if not is_new:
            return scheduled.due_at
        counted = scheduled.due_at
    if scheduled and not is_new:
        floor = min(scheduled.due_at, floor)
    return max(counted, floor)


def _reschedule(days: int, *, is_new: bool) -> int:
    now = timezone.now()
    inactive = Person.objects.deactivated_via_scim()
    earliest = Value(now + GRACE, DateTimeField())
    # People who are due earlier already keep their date, unless auto-termination was off.
    floor = earliest if is_new else Least(F("due_at"), earliest)
    since = Person.objects.filter(pk=OuterRef("person")).values("deactivated_at")[:1]
    counted = ExpressionWrapper(
        Subquery(since) + Value(timedelta(days=days), DurationField()),
        output_field=DateTimeField(),
    )
    not_postponed = ScheduledTermination.objects.filter(postponed_from=None)
    not_postponed.update(due_at=Greatest(counted, floor))
    if is_new:
        postponed = ScheduledTermination.objects.exclude(postponed_from=None)
        postponed.update(due_at=Greatest(F("due_at"), earliest))
    missing = inactive.filter(scheduled_termination=None).only("pk", "tenant", "deactivated_at")
    rows = (
        ScheduledTermination(
            tenant_id=person.tenant_id,
            person=person,
            due_at=max(due_at(person, days), now + GRACE),
        )
        for person in missing.iterator(chunk_size=BATCH)
    )
    # In batches, so that a large company does not fill the memory.
    while batch := list(islice(rows, BATCH)):
        ScheduledTermination.objects.bulk_create(batch)
    count: int = inactive.count()
    return count
