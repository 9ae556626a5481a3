"""Auto-termination: who is to leave for good, when, and what stands in the way.

Only people deactivated via SCIM, and only where the tenant has switched it on. The day is
kept in a row that comes with the deactivation and goes with the reactivation; a job looks
for the rows that are due, and at everything else anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from people import events, fixed_sql
from people.fixed_sql import Write
from people.models import (
    Approval,
    Departure,
    Event,
    MassChange,
    Obligation,
    Person,
    Tenant,
)
from people.operations.locks import lock
from people.operations.roles import is_elevated
from people.operations.termination import Disposition, terminate_person, usual_disposition
from people.values import Actor, PeopleError

VIA_SCIM = "scim:"
USUAL_DAYS = 45


class NotScheduled(PeopleError):
    code = "not-scheduled"

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.full_name} is not scheduled for termination any more.")


@dataclass(frozen=True)
class Blocker:
    """Something that keeps a person from being terminated by the job."""

    code: str
    sentence: str


def due_at(person: Person, days: int) -> datetime:
    """Return the instant on which so many times 24 hours have gone by."""
    assert person.deactivated_at
    return person.deactivated_at + timedelta(days=days)


def schedule(person: Person, *, actor: Actor) -> None:
    """Write down when somebody who has just been deactivated is to leave, if they are."""
    if actor.via != "scim":
        return
    days = Tenant.objects.values_list("auto_terminate_days", flat=True).get(pk=person.tenant_id)
    if days:
        departure = Departure(
            tenant_id=person.tenant_id, person=person, due_at=due_at(person, days)
        )
        fixed_sql.write(Write(departure))


def cancel(person: Person) -> None:
    Departure.objects.filter(person=person).delete()


@transaction.atomic
def set_auto_termination(tenant: Tenant, days: int | None, *, actor: Actor) -> int:
    """Switch auto-termination on, off, or to other days; return how many are scheduled now.

    Whoever is inactive already counts from the day on which they were deactivated. What was
    postponed by hand stays so.
    """
    held = Tenant.objects.select_for_update().get(pk=tenant.pk)
    before = held.auto_terminate_days
    tenant.auto_terminate_days = held.auto_terminate_days = days
    held.save(update_fields=["auto_terminate_days"])
    if before != days:
        changes = {"auto_terminate_days": {"from": before, "to": days}}
        events.record(Event.Kind.ORGANISATION_CHANGED, None, actor=actor, changes=changes)
    if days is None:
        Departure.objects.filter(exempted_at=None, postponed_from=None).delete()
        return 0
    return _reschedule(days)


def _reschedule(days: int) -> int:
    gone = Person.objects.filter(state=Person.State.INACTIVE, deactivated_by__startswith=VIA_SCIM)
    missing = gone.filter(departure=None)
    Departure.objects.bulk_create(
        (
            Departure(tenant_id=person.tenant_id, person=person, due_at=due_at(person, days))
            for person in missing.only("pk", "tenant", "deactivated_at").iterator()
        ),
        batch_size=1000,
    )
    moved = []
    for departure in Departure.objects.filter(postponed_from=None).select_related("person"):
        departure.due_at = due_at(departure.person, days)
        moved.append(departure)
    Departure.objects.bulk_update(moved, ["due_at"], batch_size=1000)
    count: int = gone.count()
    return count


@transaction.atomic
def postpone(person: Person, until: datetime, *, because: str, actor: Actor) -> Departure:
    """Move the day; the reason stays with it.

    :raises NotScheduled: if the person has been reactivated or terminated meanwhile.
    """
    departure = _held(person)
    departure.postponed_from = departure.postponed_from or departure.due_at
    departure.due_at, departure.postponed_because = until, because
    departure.save(update_fields=["due_at", "postponed_from", "postponed_because"])
    events.record(
        Event.Kind.DEPARTURE_CHANGED,
        person,
        actor=actor,
        what="postponed",
        until=until.isoformat(),
        reason=because,
    )
    return departure


@transaction.atomic
def exempt(person: Person, *, because: str, actor: Actor) -> Departure:
    """Leave the person inactive for good, unless somebody decides otherwise.

    :raises NotScheduled: as `postpone`.
    """
    departure = _held(person)
    departure.exempted_at, departure.exempted_by = timezone.now(), str(actor)
    departure.exempted_because = because
    departure.save(update_fields=["exempted_at", "exempted_by", "exempted_because"])
    events.record(
        Event.Kind.DEPARTURE_CHANGED, person, actor=actor, what="exempted", reason=because
    )
    return departure


@transaction.atomic
def end_exemption(person: Person, *, actor: Actor) -> Departure:
    """Have the person leave on their day after all.

    :raises NotScheduled: as `postpone`.
    """
    departure = _held(person)
    departure.exempted_at, departure.exempted_by, departure.exempted_because = None, "", ""
    departure.save(update_fields=["exempted_at", "exempted_by", "exempted_because"])
    events.record(Event.Kind.DEPARTURE_CHANGED, person, actor=actor, what="exemption ended")
    return departure


@transaction.atomic
def plan(person: Person, disposition: Disposition, *, actor: Actor) -> Departure:
    """Keep what shall become of what they hold, for the day on which they leave.

    :raises NotScheduled: as `postpone`.
    """
    departure = _held(person)
    departure.disposition = disposition.as_json()
    departure.save(update_fields=["disposition"])
    events.record(Event.Kind.DEPARTURE_CHANGED, person, actor=actor, what="planned")
    return departure


def _held(person: Person) -> Departure:
    lock(person)
    departure = Departure.objects.select_for_update().filter(person=person).first()
    if departure is None:
        raise NotScheduled(person)
    return departure


def blockers_of(person: Person) -> list[Blocker]:
    """Return what stands in the way of terminating the person now."""
    return [Blocker(code, sentence) for code, sentence, holds in BLOCKERS if holds(person)]


def _owes(kind: Obligation.Kind) -> Callable[[Person], bool]:
    def owes(person: Person) -> bool:
        return person.obligations.outstanding().filter(kind=kind).exists()

    return owes


def _has_pending_approvals(person: Person) -> bool:
    theirs = Q(step__approver=person) | Q(obligation__person=person)
    return Approval.objects.filter(theirs, state=Approval.State.PENDING).exists()


def _owns_shared_funds(person: Person) -> bool:
    return person.funds.live().filter(is_shared=True).exists()


def _has_elevated_permissions(person: Person) -> bool:
    return person.is_administrator or is_elevated(person)


BLOCKERS: tuple[tuple[str, str, Callable[[Person], bool]], ...] = (
    ("reimbursements", "Outstanding reimbursements", _owes(Obligation.Kind.REIMBURSEMENT)),
    ("bills", "Open bills", _owes(Obligation.Kind.BILL)),
    (
        "transactions",
        "Pending or incomplete transactions",
        _owes(Obligation.Kind.TRANSACTION),
    ),
    ("approvals", "Pending approval workflows", _has_pending_approvals),
    ("shared-funds", "Ownership of shared funds", _owns_shared_funds),
    ("permissions", "Elevated permissions", _has_elevated_permissions),
)


def is_paused(person: Person) -> bool:
    """Tell whether they were deactivated among so many that somebody has to confirm it."""
    return MassChange.objects.filter(
        items__person=person,
        is_suspicious=True,
        kind=MassChange.Kind.DEACTIVATED,
        confirmed_at=None,
        undone_at=None,
    ).exists()


def due_departures(as_of: datetime, *, batch: int = 200) -> Iterator[Departure]:
    """Yield what is due, all tenants', a few rows at a time; callers hold none of them."""
    last: tuple[datetime, int] | None = None
    while True:
        due = Departure.objects.due(as_of).order_by("due_at", "pk")
        if last:
            due = due.filter(Q(due_at__gt=last[0]) | Q(due_at=last[0], pk__gt=last[1]))
        page = list(due.only("pk", "due_at", "person_id", "tenant_id")[:batch])
        yield from page
        if len(page) < batch:
            return
        last = (page[-1].due_at, page[-1].pk)


@transaction.atomic
def depart(departure_id: int, *, as_of: datetime, actor: Actor) -> bool:
    """Terminate the person of a due departure unless something has changed; tell whether.

    :raises PeopleError: if the disposition is not possible any more.
    """
    departure = Departure.objects.due(as_of).filter(pk=departure_id).first()
    if departure is None:
        return False
    lock(departure.person)
    person = departure.person
    # Held now, so that nobody can reactivate, postpone or exempt between look and deed.
    still_due = Departure.objects.due(as_of).filter(pk=departure_id).exists()
    left_by_scim = person.deactivated_by.startswith(VIA_SCIM)
    if not still_due or person.state != Person.State.INACTIVE or not left_by_scim:
        return False
    if blockers_of(person) or is_paused(person):
        return False
    said = departure.disposition
    disposition = Disposition(**said) if said else usual_disposition(person)
    return terminate_person(person, disposition, actor=actor)
