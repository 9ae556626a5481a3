"""The bulk-change guard: it notices when one connection deactivates many people.

Many are more than a share of the connection's people within an hour, or more than a number
within a minute. No deactivation waits for the guard: it is reversible, and shuts people out at
once. Termination is not, so it waits until an administrator confirms that so many were meant.

The last deactivation within a minute has its connection looked at, so a burst of thousands
costs a handful of looks. The job that terminates people looks again by itself, so nobody is
terminated because an event was lost.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet
from django.urls import reverse

from people import events, hooks, tenancy
from people.hooks import Owner
from people.models import BulkChange, BulkChangeItem, Event, Mail, Person, Tenant
from people.operations.invites.outbox import enqueue_mail
from people.operations.locks import LockName, acquire_lock
from people.values import VIA_SCIM, Actor, PeopleError

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BATCH = 1000
MOST_PEOPLE = 32_767


class InvalidThreshold(PeopleError):
    code = "invalid-threshold"

    def __init__(self) -> None:
        super().__init__(
            f"Enter numbers of people from 1 to {MOST_PEOPLE:,}, and a percentage from 1 to 100."
        )


class Gone(NamedTuple):
    """Somebody who is out, since when, and the event that tells."""

    person_id: UUID
    at: datetime
    event_id: int


@transaction.atomic
def set_alarm(
    tenant: Tenant, *, people: int, percent: int, minute_people: int, actor: Actor
) -> bool:
    """Set above how many deactivations an alarm is raised; return whether anything changed.

    :param people: and `percent` of the connection's people, both within an hour.
    :param minute_people: within a minute.
    :raises InvalidThreshold: if there cannot be so many.
    """
    numbers = (people, minute_people)
    if not (all(1 <= number <= MOST_PEOPLE for number in numbers) and 1 <= percent <= 100):
        raise InvalidThreshold
    wanted = {
        "alarm_people": people,
        "alarm_percent": percent,
        "alarm_minute_people": minute_people,
    }
    changes = {
        name: {"from": getattr(tenant, name), "to": value}
        for name, value in wanted.items()
        if getattr(tenant, name) != value
    }
    if not changes:
        return False
    for name, value in wanted.items():
        setattr(tenant, name, value)
    tenant.save(update_fields=list(wanted))
    events.record(
        Event.Kind.ORGANIZATION_CHANGED,
        None,
        actor=actor,
        changes=changes,
        what="bulk-change guard",
    )
    return True


def note_deactivation(event: Event) -> BulkChange | None:
    """Check the connection of this deactivation, unless a later event in the same minute does.

    :returns: the bulk change that this makes evident, if it is news to it.
    """
    if not event.actor.startswith(VIA_SCIM) or _is_noted(event):
        return None
    minute = event.happened_at.replace(second=0, microsecond=0)
    later = _deactivated(event.actor).filter(
        deactivated_at__gt=event.happened_at, deactivated_at__lt=minute + MINUTE
    )
    return None if later.exists() else look(event.actor, minute - HOUR, minute + MINUTE)


def look_again(people: Iterable[UUID]) -> None:
    """Look at the deactivations of these people of the tenant, whatever was seen before.

    The job that terminates them calls this first: it must not depend on an event.
    """
    gone = Person.objects.filter(
        pk__in=list(people),
        state=Person.State.INACTIVE,
        deactivated_by__startswith=VIA_SCIM,
        deactivated_at__isnull=False,
    )
    told = gone.values_list("deactivated_by", "deactivated_at")
    ordered = told.order_by("deactivated_by", "deactivated_at")
    for actor, rows in groupby(ordered, itemgetter(0)):
        # Others may have gone within the hour before or after.
        for first, last in _spans(at for _, at in rows if at):
            look(actor, first - HOUR, last + HOUR + MINUTE)


def _spans(times: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the first and last of times that are so close that one look sees around them."""
    ordered = iter(times)
    first = last = next(ordered)
    for at in ordered:
        if at - last > 2 * HOUR:
            yield first, last
            first = at
        last = at
    yield first, last


@transaction.atomic
def look(actor: str, since: datetime, until: datetime) -> BulkChange | None:
    """Note whom the connection deactivated from `since` until before `until`, if many.

    :returns: the bulk change that this makes evident, if it is news to it.
    """
    tenant = Tenant.objects.get(pk=tenancy.current_id())
    out = _deactivated(actor).filter(deactivated_at__gte=since, deactivated_at__lt=until)
    recent = _recent(actor, since, until)
    fewest = min(tenant.alarm_people, tenant.alarm_minute_people)
    if tenant.is_sandbox or not (recent.exists() or out.count() > fewest):
        return None
    acquire_lock(LockName.BULK_CHANGES, tenant.pk)
    gone = list(_gone(out.order_by("deactivated_at").values_list("pk", "deactivated_at")))
    news, grown = _unnoted(gone), None
    for known in recent.select_for_update(no_key=True):
        joining = {one for one in news if known.began_at <= one.at <= known.began_at + HOUR}
        if joining:
            _add(known, [one for one in news if one in joining])
            news, grown = [one for one in news if one not in joining], known
    owner = hooks.owner_of_people(actor)
    most = most_of(tenant, owner.people + len(gone))
    found = {*crowded(news, most, HOUR), *crowded(news, tenant.alarm_minute_people, MINUTE)}
    return _raise(tenant, actor, owner, [one for one in news if one in found]) or grown


def most_of(tenant: Tenant, people: int) -> int:
    """Return the alert threshold per hour for a connection with this many people."""
    return max(tenant.alarm_people, people * tenant.alarm_percent // 100)


def crowded(gone: Sequence[Gone], most: int, span: timedelta) -> list[Gone]:
    """Return those who went, in their order, within a span in which more than `most` did."""
    found: list[Gone] = []
    first = taken = 0
    for last, one in enumerate(gone):
        while one.at - gone[first].at > span:
            first += 1
        if last - first + 1 > most:
            found += gone[max(first, taken) : last + 1]
            taken = last + 1
    return found


def _deactivated(actor: str) -> QuerySet[Person]:
    people: QuerySet[Person] = Person.objects.filter(
        tenant_id=tenancy.current_id(), state=Person.State.INACTIVE, deactivated_by=actor
    )
    return people


def _recent(actor: str, since: datetime, until: datetime) -> QuerySet[BulkChange]:
    """Return the bulk changes that what happened in that time may belong to, newest first."""
    recent: QuerySet[BulkChange] = BulkChange.objects.filter(
        needs_confirmation=True,
        actor=actor,
        confirmed_at=None,
        began_at__gt=since,
        began_at__lt=until,
    )
    return recent.order_by("-began_at")


def _gone(people: Iterable[tuple[UUID, datetime | None]]) -> Iterable[Gone]:
    rows = [(person_id, at) for person_id, at in people if at]
    for start in range(0, len(rows), BATCH):
        batch = dict(rows[start : start + BATCH])
        told = Event.objects.filter(person__in=batch, kind=Event.Kind.PERSON_DEACTIVATED)
        latest = told.values("person_id").annotate(latest=Max("pk")).order_by()
        by_person = dict(latest.values_list("person_id", "latest"))
        for person_id, at in batch.items():
            if person_id in by_person:
                yield Gone(person_id, at, by_person[person_id])


def _unnoted(gone: Sequence[Gone]) -> list[Gone]:
    """Leave out those of whom an alarm tells already."""
    noted: set[int] = set()
    for start in range(0, len(gone), BATCH):
        people = [one.person_id for one in gone[start : start + BATCH]]
        items = BulkChangeItem.objects.filter(change__needs_confirmation=True, person__in=people)
        noted |= set(items.values_list("event_id", flat=True))
    return [one for one in gone if one.event_id not in noted]


def _is_noted(event: Event) -> bool:
    items = BulkChangeItem.objects.filter(person=event.person_id, event_id=event.pk)
    return items.exists()


def _raise(tenant: Tenant, actor: str, owner: Owner, gone: Sequence[Gone]) -> BulkChange | None:
    if not gone:
        return None
    change = BulkChange.objects.create(
        tenant=tenant,
        kind=BulkChange.Kind.DEACTIVATED,
        actor=actor,
        began_at=gone[0].at,
        needs_confirmation=True,
    )
    _add(change, gone)
    for person in Person.objects.active_administrators():
        enqueue_mail(
            Mail.Kind.BULK_CHANGE,
            person,
            to=person.email,
            provider=owner.name,
            count=len(gone),
            began_at=f"{change.began_at:%-d %B %Y, %H:%M} UTC",
            path=reverse("admin:bulk_change", args=[change.pk]),
        )
    return change


def _add(change: BulkChange, gone: Sequence[Gone]) -> None:
    """Add these people. A restored person who was deactivated again needs a new decision."""
    if not gone:
        return
    BulkChangeItem.objects.bulk_create(
        (
            BulkChangeItem(
                tenant_id=change.tenant_id,
                change=change,
                person_id=one.person_id,
                event_id=one.event_id,
            )
            for one in gone
        ),
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["change", "person"],
        update_fields=["event_id", "outcome", "skipped_reason"],
    )
    if change.undone_at:
        change.undone_at, change.undone_by = None, ""
        change.save(update_fields=["undone_at", "undone_by"])
