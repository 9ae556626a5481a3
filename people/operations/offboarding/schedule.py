"""Schedules terminations, and lets administrators postpone or exempt people.

It concerns people who were deactivated via SCIM, in tenants with auto-termination. A row with the
due date is created with the deactivation and deleted with the reactivation. The job in `job` reads
the due rows and checks everything else again.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from people import events
from people.db import prepared_statements, unit_of_work
from people.db.prepared_statements import PreparedQuery
from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations import ranks
from people.operations.locks import lock
from people.operations.offboarding.handover_plan import HandoverPlan
from people.presentation.times import day_text, moment_text
from people.values import Actor, PeopleError

# FOR SHARE: a change of the setting waits for pending deactivations, and then sees their people.
DAYS = "SELECT auto_terminate_days FROM people_tenant WHERE id = %s FOR SHARE"
# The minimum time between a change of the days and the first terminations that it causes, so
# that a wrong number can be corrected.
GRACE = timedelta(hours=24)


class NotScheduled(PeopleError):
    code = "not-scheduled"

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.full_name} is no longer scheduled for termination.")


class TooEarly(PeopleError):
    code = "too-early"
    field = "until"

    def __init__(self, due_at: datetime) -> None:
        super().__init__(f"Choose a day after {day_text(due_at)}, the current termination date.")


def due_at(person: Person, days: int) -> datetime:
    """Return the time that many times 24 hours after the deactivation."""
    assert person.deactivated_at
    return person.deactivated_at + timedelta(days=days)


def schedule_termination(person: Person, *, actor: Actor) -> None:
    """Schedule the termination of a person who has just been deactivated via SCIM."""
    if actor.via == "scim" and (days := _locked_days(person.tenant_id)):
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
