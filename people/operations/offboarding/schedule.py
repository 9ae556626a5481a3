"""Auto-termination: who is to leave for good, and when.

Only people deactivated via SCIM, and only where the tenant has switched it on. The day is
kept in a row that comes with the deactivation and goes with the reactivation; the job in
`job` looks for the rows that are due, and at everything else anew.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from people import events
from people.db import prepared_statements, unit_of_work
from people.db.prepared_statements import PreparedQuery
from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations import ranks
from people.operations.locks import lock
from people.operations.offboarding.blockers import blocked_people
from people.operations.offboarding.handover_plan import HandoverPlan
from people.values import Actor, PeopleError

USUAL_DAYS = 45
DAYS = "SELECT auto_terminate_days FROM people_tenant WHERE id = %s FOR SHARE"
# As many as the column holds; nobody is heard of for longer than that.
MOST_DAYS = 32_767
# Nobody is terminated sooner than this after the days were set or shortened, so that a wrong
# number can be corrected.
GRACE = timedelta(hours=24)
# What somebody has decided about a scheduled termination outlives switching auto-termination off.
DECIDED = Q(exempted_at__isnull=False) | Q(postponed_from__isnull=False)
DECIDED |= Q(disposition__isnull=False)


class InvalidDays(PeopleError):
    code = "invalid-days"
    field = "days"

    def __init__(self) -> None:
        super().__init__(f"Enter a number of days from 1 to {MOST_DAYS}, such as {USUAL_DAYS}.")


class NotScheduled(PeopleError):
    code = "not-scheduled"

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.full_name} is no longer scheduled for termination.")


class TooEarly(PeopleError):
    code = "too-early"
    field = "until"

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"Choose a day after {due_at:%-d %B %Y}, the current termination date.")


def read_days(text: str) -> int:
    """Return the number of days that somebody has typed.

    :raises InvalidDays: if it is not one.
    """
    said = text.strip()
    if not re.fullmatch(r"[0-9]{1,5}", said) or not 1 <= int(said) <= MOST_DAYS:
        raise InvalidDays
    return int(said)


def due_at(person: Person, days: int) -> datetime:
    """Return the instant on which so many times 24 hours have gone by."""
    assert person.deactivated_at
    return person.deactivated_at + timedelta(days=days)


def schedule(person: Person, *, actor: Actor) -> None:
    """Write down when somebody who has just been deactivated is to leave, if they are."""
    if actor.via != "scim":
        return
    days = _held_days(person.tenant_id)
    if days:
        ScheduledTermination.objects.create(
            tenant_id=person.tenant_id, person=person, due_at=due_at(person, days)
        )


def _held_days(tenant_id: int) -> int | None:
    """Return after how many days, which stays so until the transaction ends.

    Somebody who switches auto-termination on meanwhile waits, and then sees the person.
    """
    if prepared_statements.available():
        row = prepared_statements.fetch(days_question(tenant_id))
        return row[0] if row else None
    return Tenant.objects.values_list("auto_terminate_days", flat=True).get(pk=tenant_id)


def days_question(tenant_id: int) -> PreparedQuery:
    """Return how the database is asked after how many days people leave."""
    return PreparedQuery(DAYS, (tenant_id,), 1)


def reinstate(person: Person, scheduled_termination: ScheduledTermination | None) -> None:
    """Schedule somebody whose reactivation is undone, with what was decided about them before.

    Auto-termination may have been switched meanwhile, so nobody becomes due within `GRACE`.
    """
    days = _held_days(person.tenant_id)
    if scheduled_termination is None:
        if days is None or not person.was_deactivated_via_scim:
            return
        scheduled_termination = ScheduledTermination(tenant_id=person.tenant_id, person=person)
    scheduled_termination.pk = None
    if days is not None:
        counted = (
            scheduled_termination.due_at
            if scheduled_termination.postponed_from
            else due_at(person, days)
        )
        scheduled_termination.due_at = max(counted, timezone.now() + GRACE)
    scheduled_termination.save(force_insert=True)


def cancel(person: Person) -> None:
    unit_of_work.delete(ScheduledTermination, person=person.pk)


@transaction.atomic
def set_auto_termination(tenant: Tenant, days: int | None, *, actor: Actor) -> int:
    """Switch auto-termination on, off, or to other days; return how many are scheduled now.

    The days count from the deactivation, but whoever becomes due by this is terminated after
    `GRACE` at the earliest. What was postponed by hand stays so.

    :raises InvalidDays: if there cannot be so many.
    """
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidDays
    # Not in the way of those who only refer to the tenant.
    held = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    before = held.auto_terminate_days
    tenant.auto_terminate_days = held.auto_terminate_days = days
    if before != days:
        held.save(update_fields=["auto_terminate_days"])
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
    """What so many days would mean for those who are inactive already."""

    # How many would be terminated within `GRACE`, and of those, how many something keeps here.
    soon: int
    blocked: int
    later: int
    first: datetime | None
    last: datetime | None
    # Whose day somebody has postponed, or who is exempt: nothing changes for them.
    decided: int


def forecast(days: int, *, now: datetime) -> ScheduleForecast:
    """Tell who would be due, and when, if people were terminated after so many days."""
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


def concerned() -> QuerySet[Person]:
    """Return everybody who is inactive and whom days would concern, the first due first."""
    people: QuerySet[Person] = Person.objects.deactivated_via_scim()
    return people.select_related("scheduled_termination").order_by("deactivated_at", "pk")


def state_of_concerned() -> str:
    """Return a text that changes when somebody joins or leaves those who are concerned."""
    found = concerned().aggregate(count=Count("pk"), last=Max("deactivated_at"))
    return f"{found['count']} {found['last'].isoformat()}" if found["count"] else ""


def foreseen_due_at(person: Person, days: int, *, is_new: bool, now: datetime) -> datetime:
    """Return when the person would be due if the days were set now; `_reschedule` in SQL.

    `is_new` tells that auto-termination is off until then.
    """
    scheduled_termination: ScheduledTermination | None = getattr(
        person, "scheduled_termination", None
    )
    is_postponed = (
        scheduled_termination is not None and scheduled_termination.postponed_from is not None
    )
    if scheduled_termination and is_postponed and not is_new:
        return scheduled_termination.due_at
    earliest = now + GRACE
    floor = (
        earliest
        if is_new or scheduled_termination is None
        else min(scheduled_termination.due_at, earliest)
    )
    counted = (
        scheduled_termination.due_at
        if scheduled_termination and is_postponed
        else due_at(person, days)
    )
    return max(counted, floor)


def _reschedule(days: int, *, is_new: bool) -> int:
    now = timezone.now()
    gone = Person.objects.deactivated_via_scim()
    earliest = Value(now + GRACE, DateTimeField())
    # Whoever is due sooner than that already stays so, unless nobody was due until now.
    floor = earliest if is_new else Least(F("due_at"), earliest)
    kept = ScheduledTermination.objects.filter(postponed_from=None)
    kept.update(due_at=Greatest(_counted_from_deactivation(days), floor))
    if is_new:
        postponed = ScheduledTermination.objects.exclude(postponed_from=None)
        postponed.update(due_at=Greatest(F("due_at"), earliest))
    missing = gone.filter(scheduled_termination=None).only("pk", "tenant", "deactivated_at")
    rows: list[ScheduledTermination] = []
    for person in missing.iterator(chunk_size=1000):
        rows.append(
            ScheduledTermination(
                tenant_id=person.tenant_id,
                person=person,
                due_at=max(due_at(person, days), now + GRACE),
            )
        )
        if len(rows) == 1000:
            ScheduledTermination.objects.bulk_create(rows)
            rows = []
    ScheduledTermination.objects.bulk_create(rows)
    count: int = gone.count()
    return count


def _counted_from_deactivation(days: int) -> Combinable:
    since = Person.objects.filter(pk=OuterRef("person")).values("deactivated_at")[:1]
    return ExpressionWrapper(
        Subquery(since) + Value(timedelta(days=days), DurationField()),
        output_field=DateTimeField(),
    )


@transaction.atomic
def postpone(
    person: Person, until: datetime, *, because: str, actor: Actor
) -> ScheduledTermination:
    """Move the day; the reason stays with it.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises NotScheduled: if the person has been reactivated or terminated meanwhile.
    :raises TooEarly: if it is no later than it would be, or has gone by.
    """
    scheduled_termination = _held(person, actor=actor)
    first = scheduled_termination.postponed_from or scheduled_termination.due_at
    if until <= max(first, timezone.now()):
        raise TooEarly(max(first, timezone.now()))
    scheduled_termination.postponed_from = first
    return _decide(
        scheduled_termination,
        {"due_at": until, "postponed_reason": because},
        actor=actor,
        what=f"postponed to {until:%-d %B %Y}",
        reason=because,
    )


@transaction.atomic
def exempt(person: Person, *, because: str, actor: Actor) -> ScheduledTermination:
    """Leave the person inactive for good, unless somebody decides otherwise.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"exempted_at": timezone.now(), "exempted_by": str(actor)}
    return _decide(
        _held(person, actor=actor),
        decided | {"exempted_reason": because},
        actor=actor,
        what="exempted",
        reason=because,
    )


@transaction.atomic
def end_exemption(person: Person, *, actor: Actor) -> ScheduledTermination:
    """Have the person leave on their day after all.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"exempted_at": None, "exempted_by": "", "exempted_reason": ""}
    return _decide(_held(person, actor=actor), decided, actor=actor, what="exemption ended")


@transaction.atomic
def plan(person: Person, disposition: HandoverPlan | None, *, actor: Actor) -> ScheduledTermination:
    """Keep what shall become of what they hold, for the day on which they leave.

    None plans nothing: then everything goes the usual way.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"disposition": disposition.as_json() if disposition else None}
    return _decide(_held(person, actor=actor), decided, actor=actor, what="planned")


def _decide(
    scheduled_termination: ScheduledTermination,
    decided: dict[str, Any],
    *,
    actor: Actor,
    what: str,
    **facts: Any,
) -> ScheduledTermination:
    # Why the last try failed, if it did, need not be so any more.
    for name, value in (decided | {"problem": ""}).items():
        setattr(scheduled_termination, name, value)
    scheduled_termination.save()
    events.record(
        Event.Kind.SCHEDULED_TERMINATION_CHANGED,
        scheduled_termination.person,
        actor=actor,
        what=what,
        **facts,
    )
    return scheduled_termination


def _held(person: Person, *, actor: Actor) -> ScheduledTermination:
    lock(person)
    ranks.check_rank_over(actor, person)
    scheduled_termination = (
        ScheduledTermination.objects.select_for_update().filter(person=person).first()
    )
    if scheduled_termination is None or not _is_on(scheduled_termination):
        raise NotScheduled(person)
    scheduled_termination.person = person
    return scheduled_termination


def _is_on(scheduled_termination: ScheduledTermination) -> bool:
    on = Tenant.objects.filter(
        pk=scheduled_termination.tenant_id, auto_terminate_days__isnull=False
    )
    return on.exists()
