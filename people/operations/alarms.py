"""The mass-change guard: one connection that deactivates many within an hour is noticed.

Nothing is held up by it: a deactivation is reversible, and shuts people out at once. What
is not, termination, waits until an administrator has confirmed that so many were meant.

Whoever was deactivated last within a minute has their connection looked at, so a burst of
thousands costs a handful of looks.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils.module_loading import import_string

from people import events, tenancy
from people.models import Event, Mail, MassChange, MassChangeItem, Person, Tenant
from people.operations.locks import Guarded, hold
from people.operations.mailing import post
from people.values import VIA_SCIM, Actor, PeopleError

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BATCH = 1000
MOST_PEOPLE = 32_767


class InvalidThreshold(PeopleError):
    code = "invalid-threshold"

    def __init__(self) -> None:
        super().__init__(
            f"Say at how many people, from 1 to {MOST_PEOPLE:,}, and at how many percent, "
            "from 1 to 100, you want to be told."
        )


class Gone(NamedTuple):
    """Somebody who is out, since when, and the event that tells."""

    person_id: UUID
    at: datetime
    event_id: int


class Owner(NamedTuple):
    """A connection as people know it, and how many active or invited people it owns."""

    name: str
    people: int


@transaction.atomic
def set_alarm(tenant: Tenant, *, people: int, percent: int, actor: Actor) -> bool:
    """Say above how many an alarm is raised, and tell whether that is news.

    :raises InvalidThreshold: if there cannot be so many.
    """
    if not (1 <= people <= MOST_PEOPLE and 1 <= percent <= 100):
        raise InvalidThreshold
    wanted = {"alarm_people": people, "alarm_percent": percent}
    changes = {
        name: {"from": getattr(tenant, name), "to": value}
        for name, value in wanted.items()
        if getattr(tenant, name) != value
    }
    if not changes:
        return False
    tenant.alarm_people, tenant.alarm_percent = people, percent
    tenant.save(update_fields=list(wanted))
    events.record(
        Event.Kind.ORGANISATION_CHANGED,
        None,
        actor=actor,
        changes=changes,
        what="mass-change guard",
    )
    return True


def note_deactivation(event: Event) -> MassChange | None:
    """Look at the connection that deactivated somebody, unless a later event will have us.

    :returns: the mass change that this makes evident, if it is news to it.
    """
    if not event.actor.startswith(VIA_SCIM) or _is_noted(event):
        return None
    minute = event.happened_at.replace(second=0, microsecond=0)
    later = _deactivated(event.actor).filter(
        deactivated_at__gt=event.happened_at, deactivated_at__lt=minute + MINUTE
    )
    return None if later.exists() else look(event.actor, minute)


def look_at_waiting(*, as_of: datetime) -> int:
    """Look at deactivations of which no worker has heard yet; return how many alarms there are.

    Whoever terminates people here and now must have done so before.
    """
    with tenancy.across_tenants():
        waiting = Event.objects.pending().filter(kind=Event.Kind.PERSON_DEACTIVATED)
        found = list(waiting.only("tenant_id", "actor", "happened_at"))
    alarms = set()
    for event in found:
        with tenancy.use(event.tenant_id):
            change = note_deactivation(event)
        alarms |= {change.pk} if change else set()
    return len(alarms)


@transaction.atomic
def look(actor: str, minute: datetime) -> MassChange | None:
    """Note whom the connection deactivated in that minute and the hour before, if many."""
    tenant = Tenant.objects.get(pk=tenancy.current_id())
    since, until = minute - HOUR, minute + MINUTE
    out = _deactivated(actor).filter(deactivated_at__gte=since, deactivated_at__lt=until)
    recent = _recent(actor, minute)
    if tenant.is_sandbox or not (recent.exists() or out.count() > tenant.alarm_people):
        return None
    hold(Guarded.MASS_CHANGES, tenant.pk)
    known = recent.select_for_update(no_key=True).first()
    gone = list(_gone(out.order_by("deactivated_at").values_list("pk", "deactivated_at")))
    news = _unnoted(gone)
    if known:
        joining = [one for one in news if known.began_at <= one.at <= known.began_at + HOUR]
        _add(known, joining)
        news = [one for one in news if one not in set(joining)]
        known = known if joining else None
    owner: Owner = import_string(settings.OWNER_OF_PEOPLE)(actor)
    most = most_of(tenant, owner.people + len(gone))
    return _raise(tenant, actor, owner, crowded(news, most)) or known


def most_of(tenant: Tenant, people: int) -> int:
    """Return how many of so many may go within an hour before anybody is told."""
    return max(tenant.alarm_people, people * tenant.alarm_percent // 100)


def crowded(gone: Sequence[Gone], most: int) -> list[Gone]:
    """Return those who went, in their order, within an hour in which more than `most` did."""
    found: list[Gone] = []
    first = taken = 0
    for last, one in enumerate(gone):
        while one.at - gone[first].at > HOUR:
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


def _recent(actor: str, minute: datetime) -> QuerySet[MassChange]:
    """Return the mass changes that what happens in this minute may still belong to."""
    recent: QuerySet[MassChange] = MassChange.objects.filter(
        is_suspicious=True,
        actor=actor,
        confirmed_at=None,
        began_at__gt=minute - HOUR,
        began_at__lt=minute + MINUTE,
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
        items = MassChangeItem.objects.filter(change__is_suspicious=True, person__in=people)
        noted |= set(items.values_list("event_id", flat=True))
    return [one for one in gone if one.event_id not in noted]


def _is_noted(event: Event) -> bool:
    items = MassChangeItem.objects.filter(person=event.person_id, event_id=event.pk)
    return items.exists()


def _raise(tenant: Tenant, actor: str, owner: Owner, gone: Sequence[Gone]) -> MassChange | None:
    if not gone:
        return None
    change = MassChange.objects.create(
        tenant=tenant,
        kind=MassChange.Kind.DEACTIVATED,
        actor=actor,
        began_at=gone[0].at,
        is_suspicious=True,
    )
    _add(change, gone)
    for person in Person.objects.active_administrators():
        post(
            Mail.Kind.MASS_CHANGE,
            person,
            to=person.email,
            provider=owner.name,
            count=len(gone),
            began_at=f"{change.began_at:%-d %B %Y, %H:%M} UTC",
            path=reverse("admin:mass_change", args=[change.pk]),
        )
    return change


def _add(change: MassChange, gone: Sequence[Gone]) -> None:
    """Note them; whoever was restored and is out once more is to be decided on once more."""
    if not gone:
        return
    MassChangeItem.objects.bulk_create(
        (
            MassChangeItem(
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
        update_fields=["event_id", "fate", "kept_because"],
    )
    if change.undone_at:
        change.undone_at, change.undone_by = None, ""
        change.save(update_fields=["undone_at", "undone_by"])
