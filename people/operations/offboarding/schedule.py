"""Auto-termination: schedules terminations, and lets administrators postpone or exempt people.

It concerns people who were deactivated via SCIM, in tenants that have turned it on. A row with
the due date is created with the deactivation and deleted with the reactivation. The job in `job`
reads the due rows and checks everything else again.
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
from people.presentation.times import day_text, moment_text
from people.values import Actor, PeopleError

DEFAULT_DAYS = 45
# FOR SHARE: a change of the setting waits for pending deactivations, and then sees their people.
DAYS = "SELECT auto_terminate_days FROM people_tenant WHERE id = %s FOR SHARE"
# The maximum of the column, a smallint.
MAX_DAYS = 32_767
# The minimum time between a change of the days and the first terminations that it causes, so
# that a wrong number can be corrected.
GRACE = timedelta(hours=24)
# Rows with a manual decision remain when auto-termination is turned off.
DECIDED = Q(exempted_at__isnull=False) | Q(postponed_from__isnull=False)
DECIDED |= Q(handover_plan__isnull=False)


class InvalidDays(PeopleError):
    code = "invalid-days"
    field = "days"

    def __init__(self) -> None:
        super().__init__(f"Enter a number of days from 1 to {MAX_DAYS}, such as {DEFAULT_DAYS}.")


class NotScheduled(PeopleError):
    code = "not-scheduled"

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.full_name} is no longer scheduled for termination.")


class TooEarly(PeopleError):
    code = "too-early"
    field = "until"

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"Choose a day after {day_text(due_at)}, the current termination date.")


def read_days(text: str) -> int:
    """Parse the number of days from a form.

    :raises InvalidDays: if the text is not a number, or out of range.
    """
    number = text.strip()
    # int() would also accept “1_0” and the digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= MAX_DAYS:
        raise InvalidDays
    return int(number)


def due_at(person: Person, days: int) -> datetime:
    """Return the time that many times 24 hours after the deactivation."""
    assert person.deactivated_at
    return person.deactivated_at + timedelta(days=days)


def schedule_termination(person: Person, *, actor: Actor) -> None:
    """Schedule the termination of a person who has just been deactivated via SCIM."""
    if actor.via != "scim":
        return
    days = _locked_days(person.tenant_id)
    if days:
        ScheduledTermination.objects.create(
            tenant_id=person.tenant_id, person=person, due_at=due_at(person, days)
        )


def _locked_days(tenant_id: int) -> int | None:
    """Return the tenant's days, locked against changes until the transaction ends.

    Without the lock, auto-termination could be turned on at the same time, and would neither
    see the person nor be seen here.
    """
    if prepared_statements.available():
        row = prepared_statements.fetch(days_query(tenant_id))
        return row[0] if row else None
    return Tenant.objects.values_list("auto_terminate_days", flat=True).get(pk=tenant_id)


def days_query(tenant_id: int) -> PreparedQuery:
    """Return the query for the tenant's days, to prefetch it."""
    return PreparedQuery(DAYS, (tenant_id,), 1)


def reinstate(person: Person, scheduled_termination: ScheduledTermination | None) -> None:
    """Schedule a person whose reactivation is undone, with their earlier postponement or plan.

    The setting may have changed since then, so the person is due after `GRACE` at the earliest.
    """
    days = _locked_days(person.tenant_id)
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
    """Return the inactive people whom a change of the days affects, the first due first."""
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
    inactive = Person.objects.deactivated_via_scim()
    earliest = Value(now + GRACE, DateTimeField())
    # People who are due earlier already keep their date, unless auto-termination was off.
    floor = earliest if is_new else Least(F("due_at"), earliest)
    not_postponed = ScheduledTermination.objects.filter(postponed_from=None)
    not_postponed.update(due_at=Greatest(_counted_from_deactivation(days), floor))
    if is_new:
        postponed = ScheduledTermination.objects.exclude(postponed_from=None)
        postponed.update(due_at=Greatest(F("due_at"), earliest))
    missing = inactive.filter(scheduled_termination=None).only("pk", "tenant", "deactivated_at")
    rows: list[ScheduledTermination] = []
    for person in missing.iterator(chunk_size=1000):
        rows.append(
            ScheduledTermination(
                tenant_id=person.tenant_id,
                person=person,
                due_at=max(due_at(person, days), now + GRACE),
            )
        )
        # In thousands, so that a large company does not fill the memory.
        if len(rows) == 1000:
            ScheduledTermination.objects.bulk_create(rows)
            rows = []
    ScheduledTermination.objects.bulk_create(rows)
    count: int = inactive.count()
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
    """Postpone the termination, and store the reason.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises NotScheduled: if the person is not scheduled for termination any more.
    :raises TooEarly: if `until` is in the past, or not after the original date.
    """
    scheduled_termination = _lock_schedule(person, actor=actor)
    first = scheduled_termination.postponed_from or scheduled_termination.due_at
    if until <= max(first, timezone.now()):
        raise TooEarly(max(first, timezone.now()))
    # Only the first postponement sets it, because pages show the original date.
    scheduled_termination.postponed_from = first
    return _decide(
        scheduled_termination,
        {"due_at": until, "postponed_reason": because},
        actor=actor,
        what=f"postponed to {moment_text(until)}",
        reason=because,
    )


@transaction.atomic
def exempt(person: Person, *, because: str, actor: Actor) -> ScheduledTermination:
    """Exempt the person from auto-termination, until `end_exemption`.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"exempted_at": timezone.now(), "exempted_by": str(actor)}
    return _decide(
        _lock_schedule(person, actor=actor),
        decided | {"exempted_reason": because},
        actor=actor,
        what="exempted",
        reason=because,
    )


@transaction.atomic
def end_exemption(person: Person, *, actor: Actor) -> ScheduledTermination:
    """End the exemption, so that the person is terminated on the scheduled date.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"exempted_at": None, "exempted_by": "", "exempted_reason": ""}
    return _decide(
        _lock_schedule(person, actor=actor), decided, actor=actor, what="exemption ended"
    )


@transaction.atomic
def plan(person: Person, handover: HandoverPlan | None, *, actor: Actor) -> ScheduledTermination:
    """Store a handover plan for the scheduled termination; None restores the default.

    :raises PersonAboveRank, NotScheduled: as `postpone`.
    """
    decided = {"handover_plan": handover.as_json() if handover else None}
    return _decide(_lock_schedule(person, actor=actor), decided, actor=actor, what="planned")


def _decide(
    scheduled_termination: ScheduledTermination,
    decided: dict[str, Any],
    *,
    actor: Actor,
    what: str,
    **facts: Any,
) -> ScheduledTermination:
    # The problem of the last attempt may be solved by this decision.
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


def _lock_schedule(person: Person, *, actor: Actor) -> ScheduledTermination:
    lock(person)
    ranks.check_rank_over(actor, person)
    scheduled_termination = (
        ScheduledTermination.objects.select_for_update().filter(person=person).first()
    )
    if scheduled_termination is None:
        raise NotScheduled(person)
    # A row with a manual decision remains when auto-termination is turned off, but does nothing.
    tenant = Tenant.objects.filter(pk=scheduled_termination.tenant_id)
    if not tenant.filter(auto_terminate_days__isnull=False).exists():
        raise NotScheduled(person)
    scheduled_termination.person = person
    return scheduled_termination
