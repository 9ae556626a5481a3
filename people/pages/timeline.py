"""What happened to a person, in sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from people.models import Event, Person
from people.pages.actors import actor_name
from people.values import fold

EVENTS_A_PAGE = 20

LABELS = {
    "given_name": "first name",
    "family_name": "last name",
    "email": "e-mail address",
    "pending_email": "e-mail address to be confirmed",
    "department": "department",
    "location": "location",
    "manager": "manager",
    "role": "role",
    "state": "state",
}

ORDER = {name: place for place, name in enumerate(LABELS)}

SENTENCES = {
    Event.Kind.PERSON_ADDED: "{actor} added {person}",
    Event.Kind.PERSON_JOINED: "{person} joined",
    Event.Kind.PERSON_DEACTIVATED: "{actor} deactivated {person}",
    Event.Kind.PERSON_REACTIVATED: "{actor} reactivated {person}",
    Event.Kind.INVITE_ISSUED: "{actor} invited {person}",
    Event.Kind.INVITE_RELEASED: "{actor} let the invite go out",
    Event.Kind.INVITE_ACCEPTED: "{person} accepted the invite",
    Event.Kind.INVITE_VOIDED: "{actor} withdrew the invite",
}

ICONS = {
    Event.Kind.PERSON_ADDED: "person_add",
    Event.Kind.PERSON_JOINED: "login",
    Event.Kind.PERSON_DEACTIVATED: "block",
    Event.Kind.PERSON_REACTIVATED: "undo",
    Event.Kind.INVITE_ISSUED: "mail",
    Event.Kind.INVITE_RELEASED: "send",
    Event.Kind.INVITE_ACCEPTED: "drafts",
    Event.Kind.INVITE_VOIDED: "unsubscribe",
}


@dataclass(frozen=True)
class Difference:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One line of the timeline."""

    sentence: str
    icon: str
    note: str
    differences: list[Difference]
    happened_at: datetime
    request_id: UUID | None


@dataclass(frozen=True)
class Timeline:
    entries: list[Entry]
    # The event below which the next page begins, if there is one.
    older_than: int | None


def timeline_of(person: Person, *, before: int | None = None) -> Timeline:
    """Return a page of the person's events, the latest first, older than event `before`."""
    events = person.events.order_by("-pk")
    if before is not None:
        events = events.filter(pk__lt=before)
    page = list(events[: EVENTS_A_PAGE + 1])
    shown = page[:EVENTS_A_PAGE]
    names = _names(shown)
    return Timeline(
        entries=[_entry(event, person, names) for event in shown],
        older_than=shown[-1].pk if len(page) > EVENTS_A_PAGE else None,
    )


def _names(events: Iterable[Event]) -> dict[str, str]:
    """Return everybody whom the events mention, by id and by address, from one query."""
    ids, addresses = set(), set()
    for event in events:
        ids |= {said for said in event.changes.get("manager", {}).values() if said}
        kind, _, name = event.actor.partition(":")
        if kind == "person":
            addresses.add(fold(name))
    people = Person.objects.filter(Q(pk__in=ids) | Q(email_key__in=addresses))
    names: dict[str, str] = {}
    for person in people if ids or addresses else []:
        names[str(person.pk)] = names[person.email] = person.full_name
    return names


def _entry(event: Event, person: Person, names: dict[str, str]) -> Entry:
    differences = [
        Difference(
            field=_label(name),
            before=_said(name, event.changes[name]["from"], names),
            after=_said(name, event.changes[name]["to"], names),
        )
        # Custom fields, which have no label of ours, come last.
        for name in sorted(event.changes, key=lambda name: ORDER.get(name, len(ORDER)))
    ]
    return Entry(
        sentence=_sentence(event, person, differences, names),
        icon=ICONS.get(Event.Kind(event.kind), "edit"),
        note=_note(event),
        differences=differences,
        happened_at=event.happened_at,
        request_id=event.request_id,
    )


def _sentence(
    event: Event, person: Person, differences: list[Difference], names: dict[str, str]
) -> str:
    actor = actor_name(event.actor, names)
    pattern = SENTENCES.get(Event.Kind(event.kind))
    if pattern:
        return pattern.format(actor=actor, person=person.full_name)
    match differences:
        case [Difference(field, before, after)] if before and after:
            return f"{actor} changed {field} from {before} to {after}"
        case [Difference(field, "", after)]:
            return f"{actor} set {field} to {after}"
        case [Difference(field, _, "")]:
            return f"{actor} removed {field}"
        case _:
            return f"{actor} changed {_listed([change.field for change in differences])}"


def _note(event: Event) -> str:
    if event.facts.get("held"):
        return f"The invite waits: {event.facts['held']}"
    if event.facts.get("reason"):
        return f"Reason: {event.facts['reason']}"
    return ""


def _label(field: str) -> str:
    return LABELS.get(field) or field.removeprefix("custom.").replace("_", " ")


def _said(field: str, value: Any, names: dict[str, str]) -> str:
    match field:
        case _ if not value:
            return ""
        case "manager":
            return names.get(value, "somebody unknown")
        case "role":
            return Person.Role(value).label if value in Person.Role else value
        case "state":
            return Person.State(value).label if value in Person.State else value
        case _:
            return str(value)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
