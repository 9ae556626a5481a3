"""The audit log: all events of a company, filtered, in pages of constant cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from people import hooks, tenancy
from people.db.running_writes import complete_until
from people.models import Event, Person
from people.presentation.actor_names import actor_name
from people.presentation.event_text import TimelineEntry, entries_of, name_of_actor, names_in
from people.values import normalize_key

# A search for a single letter matches too many people.
MAX_PEOPLE: Final = 100
# Events become visible when their transaction commits, which may be after later ones. A feed stays
# this far behind the oldest transaction that writes, because the clocks of the servers may differ,
# and a transaction may make an event some time before it writes anything.
SETTLED_AFTER: Final = timedelta(minutes=2)
EXPORTED_AT_ONCE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """What narrows the audit log; a blank value narrows nothing."""

    # A name, an email address or an id of a person; or an actor as the API shows it.
    actor: str = ""
    person: str = ""
    kinds: Sequence[str] = ()
    interface: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditEntry:
    """A row of the audit log."""

    event: Event
    entry: TimelineEntry
    actor: str
    # The actor, if a person of the company.
    actor_id: UUID | None


class Place(NamedTuple):
    """The place of an event in the log."""

    happened_at: datetime
    event_id: int


def matching_events(wanted: AuditFilter) -> QuerySet[Event]:
    """Return the events of the tenant in force that match all filters."""
    events: QuerySet[Event] = Event.objects.select_related("person")
    if wanted.actor:
        events = events.filter(_by(wanted.actor))
    if wanted.person:
        events = events.filter(person__in=[key for key, _ in _people_called(wanted.person)])
    if wanted.kinds:
        events = events.filter(kind__in=wanted.kinds)
    if wanted.interface:
        events = events.filter(interface=wanted.interface)
    if wanted.since:
        events = events.filter(happened_at__gte=wanted.since)
    if wanted.until:
        events = events.filter(happened_at__lte=wanted.until)
    return events


def older_than(events: QuerySet[Event], place: Place | None) -> QuerySet[Event]:
    """Sort by newest first, and keep only events older than the place."""
    events = events.order_by("-happened_at", "-pk")
    if place is None:
        return events
    older = Q(happened_at__lt=place.happened_at) | Q(pk__lt=place.event_id)
    # Together they say (happened_at, pk) < place, and the first condition bounds the index scan.
    return events.filter(older, happened_at__lte=place.happened_at)


def newer_than(events: QuerySet[Event], place: Place | None) -> QuerySet[Event]:
    """Keep only events newer than the place. The caller sorts them."""
    if place is None:
        return events
    newer = Q(happened_at__gt=place.happened_at) | Q(pk__gt=place.event_id)
    return events.filter(newer, happened_at__gte=place.happened_at)


def place_of(event_id: int) -> Place | None:
    """Return the place of the event; None if the tenant has no such event."""
    found = Event.objects.filter(pk=event_id).values_list("happened_at", "pk").first()
    return Place(*found) if found else None


def settled_until() -> datetime:
    """Return the time up to which feeds show events and changes: none of them can still appear."""
    return complete_until() - SETTLED_AFTER


def audit_entries(events: Iterable[Event]) -> list[AuditEntry]:
    """Return the rows of the events, whose people must be loaded, with one query for all."""
    loaded = list(events)
    names = names_in(loaded)
    return [
        AuditEntry(
            event,
            entry,
            actor=name_of_actor(event, names),
            # Operators belong to no company, so no page of this company shows them.
            actor_id=event.actor_person_id if str(event.actor_person_id) in names else None,
        )
        for event, entry in zip(loaded, entries_of(loaded, names), strict=True)
    ]


def every_entry(events: QuerySet[Event]) -> Iterator[AuditEntry]:
    """Yield the rows of all events, the newest first, in batches that need little memory.

    The tenant that is in force now applies to all batches, also where a response is streamed
    after the request has ended.
    """
    return _batches(events, tenancy.current_id())


def _batches(events: QuerySet[Event], tenant_id: int) -> Iterator[AuditEntry]:
    place = None
    while True:
        # Not around `yield`: the caller would see the tenant in force until the next batch.
        with tenancy.use(tenant_id):
            batch = audit_entries(older_than(events, place)[:EXPORTED_AT_ONCE])
        yield from batch
        if len(batch) < EXPORTED_AT_ONCE:
            return
        place = Place(batch[-1].event.happened_at, batch[-1].event.pk)


def system_actors() -> dict[str, str]:
    """Return the actors who are no people and have a name, such as connections: names by actor."""
    return {actor: actor_name(actor) for actor in hooks.actors()}


def record_of(row: AuditEntry) -> dict[str, Any]:
    """Return the row for programs: the API and the JSON Lines file have the same format."""
    event, person = row.event, row.event.person
    return {
        "id": event.pk,
        "at": event.happened_at,
        "action": event.kind,
        "actor": event.actor,
        "actor_name": row.actor,
        "actor_person": event.actor_person_id,
        "person": event.person_id,
        "person_name": person.full_name if person else None,
        "interface": event.interface or None,
        "ip": event.ip,
        "request_id": event.request_id,
        "summary": row.entry.sentence,
        "note": row.entry.note,
        "changes": [
            {"field": one.field, "before": one.before, "after": one.after}
            for one in row.entry.differences
        ],
    }


def _by(text: str) -> Q:
    """Filter the events by their actor: a person, or a connection or provider by name or key."""
    key = normalize_key(text.strip())
    actors = [
        actor
        for actor, name in system_actors().items()
        if key in (normalize_key(actor), normalize_key(name))
    ]
    if actors or ":" in text:
        return Q(actor__in=[*actors, text.strip()])
    people = _people_called(text)
    # Events from before Ramp recorded the person of the actor have only the address.
    addressed = Q(actor_person=None, actor__in=[f"person:{email}" for _, email in people])
    return Q(actor_person__in=[key for key, _ in people]) | addressed


def _people_called(text: str) -> list[tuple[UUID, str]]:
    """Return the ids and addresses of the people with this id, address or name."""
    people = Person.objects.order_by("pk").values_list("pk", "email")
    try:
        return list(people.filter(pk=UUID(text.strip())))
    except ValueError:
        pass
    exactly = list(people.with_email_key(normalize_key(text.strip()))[:MAX_PEOPLE])
    return exactly or list(people.filter(pk__in=Person.objects.matching(text))[:MAX_PEOPLE])
