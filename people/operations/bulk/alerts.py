"""Alerts: one is raised when one connection deactivates many people.

The thresholds are a share of the connection's people within an hour, and a number of people
within a minute. Deactivations do not wait for this check, because they end access and can be
undone. Terminations cannot be undone, so they wait until an administrator confirms the alert.

Only the last deactivation of each minute checks its connection, so thousands of deactivations
cause only a few checks. The termination job checks again by itself, so that nobody is terminated
because an event was lost.
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
from people.models import BulkChange, BulkChangeItem, Event, Mail, Person, Tenant
from people.models.time_zones import zone_of
from people.operations.locks import LockName, acquire_lock
from people.operations.mail_outbox import enqueue_mail, withhold_mail
from people.presentation.times import moment_text
from people.provider_facts import Owner
from people.values import VIA_SCIM, Actor, PeopleError

# Deactivations by SCIM connections, and by signals of sign-in providers.
VIA_CONNECTION = (VIA_SCIM, "oidc:")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BATCH = 1000
# The maximum of the columns, which are smallints.
MAX_PEOPLE = 32_767


class InvalidThreshold(PeopleError):
    code = "invalid-threshold"

    def __init__(self) -> None:
        super().__init__(
            f"Enter numbers of people from 1 to {MAX_PEOPLE:,}, and a percentage from 1 to 100."
        )


class Deactivated(NamedTuple):
    """A deactivated person, with the time and the event of the deactivation."""

    person_id: UUID
    at: datetime
    event_id: int


@transaction.atomic
def set_alert_thresholds(
    tenant: Tenant, *, people: int, percent: int, minute_people: int, actor: Actor
) -> bool:
    """Set the alert thresholds; return whether anything changed.

    :param people: within an hour; the larger of this and `percent` counts.
    :param percent: of the connection's people, within an hour.
    :param minute_people: within a minute.
    :raises InvalidThreshold: if a number is out of range.
    """
    numbers = (people, minute_people)
    if not (all(1 <= number <= MAX_PEOPLE for number in numbers) and 1 <= percent <= 100):
        raise InvalidThreshold
    settings = {
        "alarm_people": people,
        "alarm_percent": percent,
        "alarm_minute_people": minute_people,
    }
    changes = {
        name: {"from": getattr(tenant, name), "to": value}
        for name, value in settings.items()
        if getattr(tenant, name) != value
    }
    if not changes:
        return False
    for name, value in settings.items():
        setattr(tenant, name, value)
    tenant.save(update_fields=list(settings))
    events.record(
        Event.Kind.ORGANIZATION_CHANGED,
        None,
        actor=actor,
        changes=changes,
        what="bulk-change guard",
    )
    return True


def check_after_deactivation(event: Event) -> BulkChange | None:
    """Check the connection of this deactivation, unless a later event in the same minute does.

    :returns: the bulk change that was found or has grown, or None.
    """
    if not event.actor.startswith(VIA_CONNECTION):
        return None
    # Checked already: the event was delivered before, or the termination job was faster.
    if BulkChangeItem.objects.filter(person=event.person_id, event_id=event.pk).exists():
        return None
    minute = event.happened_at.replace(second=0, microsecond=0)
    later = _deactivated(event.actor).filter(
        deactivated_at__gt=event.happened_at, deactivated_at__lt=minute + MINUTE
    )
    return None if later.exists() else check_connection(event.actor, minute - HOUR, minute + MINUTE)


def check_people(people: Iterable[UUID]) -> None:
    """Check the deactivations of these people of the tenant, even if they were checked before.

    The termination job calls this first, so that it does not depend on events.
    """
    deactivated = Person.objects.filter(
        pk__in=list(people),
        state=Person.State.INACTIVE,
        deactivated_by__startswith=VIA_SCIM,
        deactivated_at__isnull=False,
    )
    rows = deactivated.values_list("deactivated_by", "deactivated_at")
    ordered = rows.order_by("deactivated_by", "deactivated_at")
    for actor, group in groupby(ordered, itemgetter(0)):
        # Others may have been deactivated within the hour before or after.
        for first, last in _spans(at for _, at in group if at):
            check_connection(actor, first - HOUR, last + HOUR + MINUTE)


def _spans(times: Iterable[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Group times that are at most two hours apart; yield the first and last of each group."""
    ordered = iter(times)
    first = last = next(ordered)
    for at in ordered:
        if at - last > 2 * HOUR:
            yield first, last
            first = at
        last = at
    yield first, last


@transaction.atomic
def check_connection(actor: str, since: datetime, until: datetime) -> BulkChange | None:
    """Raise an alert if the connection deactivated many people in [since, until).

    People who belong to an earlier alert of the same hour are added to that one.

    :returns: the bulk change that was found or has grown, or None.
    """
    tenant = Tenant.objects.get(pk=tenancy.current_id())
    # The cheap count comes first: most checks end here, without the lock that serializes them.
    people = _deactivated(actor).filter(deactivated_at__gte=since, deactivated_at__lt=until)
    recent = _recent(actor, since, until)
    fewest = min(tenant.alarm_people, tenant.alarm_minute_people)
    # Self-tests deactivate people in sandboxes.
    if tenant.is_sandbox or not (recent.exists() or people.count() > fewest):
        return None
    acquire_lock(LockName.BULK_CHANGES, tenant.pk)
    deactivated = list(
        _with_events(people.order_by("deactivated_at").values_list("pk", "deactivated_at"))
    )
    new, grown = _not_alerted(deactivated), None
    for known in recent.select_for_update(no_key=True):
        added = {one for one in new if known.began_at <= one.at <= known.began_at + HOUR}
        if added:
            _add(known, [one for one in new if one in added])
            new, grown = [one for one in new if one not in added], known
    owner = hooks.owner_of_people(actor)
    # `owner.people` leaves out inactive people, but the threshold is a share of everybody before
    # the deactivations.
    most = most_of(tenant, owner.people + len(deactivated))
    found = {*in_bursts(new, most, HOUR), *in_bursts(new, tenant.alarm_minute_people, MINUTE)}
    return _raise_alert(tenant, actor, owner, [one for one in new if one in found]) or grown


def most_of(tenant: Tenant, people: int) -> int:
    """Return the alert threshold per hour for a connection with this many people."""
    return max(tenant.alarm_people, people * tenant.alarm_percent // 100)


def in_bursts(deactivated: Sequence[Deactivated], most: int, span: timedelta) -> list[Deactivated]:
    """Return the people within any span of this length in which more than `most` were deactivated.

    `deactivated` is in the order of time, and so is the result.
    """
    found: list[Deactivated] = []
    first = taken = 0
    for last, one in enumerate(deactivated):
        while one.at - deactivated[first].at > span:
            first += 1
        if last - first + 1 > most:
            # People before `taken` are in the result already, from an earlier span.
            found += deactivated[max(first, taken) : last + 1]
            taken = last + 1
    return found


def _deactivated(actor: str) -> QuerySet[Person]:
    people: QuerySet[Person] = Person.objects.filter(
        tenant_id=tenancy.current_id(), state=Person.State.INACTIVE, deactivated_by=actor
    )
    return people


def _recent(actor: str, since: datetime, until: datetime) -> QuerySet[BulkChange]:
    """Return the unconfirmed alerts that began in (since, until), the newest first."""
    recent: QuerySet[BulkChange] = BulkChange.objects.filter(
        needs_confirmation=True,
        actor=actor,
        confirmed_at=None,
        began_at__gt=since,
        began_at__lt=until,
    )
    return recent.order_by("-began_at")


def _with_events(people: Iterable[tuple[UUID, datetime | None]]) -> Iterable[Deactivated]:
    rows = [(person_id, at) for person_id, at in people if at]
    for start in range(0, len(rows), BATCH):
        batch = dict(rows[start : start + BATCH])
        events_of = Event.objects.filter(person__in=batch, kind=Event.Kind.PERSON_DEACTIVATED)
        latest = events_of.values("person_id").annotate(latest=Max("pk")).order_by()
        by_person = dict(latest.values_list("person_id", "latest"))
        for person_id, at in batch.items():
            if person_id in by_person:
                yield Deactivated(person_id, at, by_person[person_id])


def _not_alerted(deactivated: Sequence[Deactivated]) -> list[Deactivated]:
    """Leave out the people whose deactivation is part of an alert already."""
    alerted: set[int] = set()
    for start in range(0, len(deactivated), BATCH):
        people = [one.person_id for one in deactivated[start : start + BATCH]]
        items = BulkChangeItem.objects.filter(change__needs_confirmation=True, person__in=people)
        alerted |= set(items.values_list("event_id", flat=True))
    return [one for one in deactivated if one.event_id not in alerted]


def _raise_alert(
    tenant: Tenant, actor: str, owner: Owner, deactivated: Sequence[Deactivated]
) -> BulkChange | None:
    if not deactivated:
        return None
    change = BulkChange.objects.create(
        tenant=tenant,
        kind=BulkChange.Kind.DEACTIVATED,
        actor=actor,
        began_at=deactivated[0].at,
        needs_confirmation=True,
    )
    _add(change, deactivated)
    with withhold_mail(owner.withheld_because):
        for person in Person.objects.active_administrators():
            enqueue_mail(
                Mail.Kind.BULK_CHANGE,
                person,
                to=person.email,
                provider=owner.name,
                count=len(deactivated),
                began_at=moment_text(change.began_at, zone_of(person)),
                path=reverse("admin:bulk_change", args=[change.pk]),
            )
    return change


def _add(change: BulkChange, deactivated: Sequence[Deactivated]) -> None:
    """Add these people, for whom an administrator has to decide (again)."""
    if not deactivated:
        return
    BulkChangeItem.objects.bulk_create(
        (
            BulkChangeItem(
                tenant_id=change.tenant_id,
                change=change,
                person_id=one.person_id,
                event_id=one.event_id,
            )
            for one in deactivated
        ),
        batch_size=BATCH,
        # A person who was restored and is deactivated again has an item already. It is reset, so
        # that an administrator decides about them again.
        update_conflicts=True,
        unique_fields=["change", "person"],
        update_fields=["event_id", "outcome", "skipped_reason"],
    )
    # It was undone, but the new people are not decided yet.
    if change.undone_at:
        change.undone_at, change.undone_by = None, ""
        change.save(update_fields=["undone_at", "undone_by"])
