"""Converts events and mails to timeline entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from people.models import Event, Mail, Person
from people.models.field_table import FIELDS, LABELS, PEOPLE, Kind
from people.presentation import approval_text, handover_history
from people.presentation.actor_names import actor_name
from people.presentation.company_text import (
    connection_deed,
    label_of,
    organization_deed,
    plain_value,
)
from people.presentation.event_wording import ICONS, MAILS, NOTES, SENTENCES
from people.presentation.times import moment_text
from people.values import normalize_key

ORDER = {name: place for place, name in enumerate(LABELS)}

# For a mail that was sent sooner than this, the entry does not show the time of sending.
AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Difference:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class TimelineEntry:
    """One entry of a timeline."""

    sentence: str
    icon: str
    note: str
    differences: list[Difference]
    happened_at: datetime
    request_id: UUID | None
    # The person concerned; None for events of the tenant.
    person: Person | None
    # None for mails, which are not in the audit log.
    event_id: int | None = None


def entries_of(events: Iterable[Event], names: dict[str, str] | None = None) -> list[TimelineEntry]:
    """Return the entries of the events, whose people must be loaded.

    `names` is the result of `names_in`, if the caller has it.
    """
    loaded = list(events)
    names = names_in(loaded) if names is None else names
    return [_entry(event, names) for event in loaded]


def entry_of_mail(mail: Mail) -> TimelineEntry:
    if mail.sent_at:
        delivery = "was sent to"
    else:
        delivery = "could not be sent to" if mail.given_up_at else "is waiting to be sent to"
    note = ""
    if mail.is_withheld:
        note = mail.problem
    elif mail.problem:
        note = f"The mail server said: {mail.problem}"
    elif mail.sent_at and mail.sent_at - mail.created_at > AT_ONCE:
        note = f"Sent on {moment_text(mail.sent_at)}."
    return TimelineEntry(
        sentence=f"{MAILS.get(Mail.Kind(mail.kind), 'An email')} {delivery} {mail.to}",
        icon="mark_email_unread" if mail.problem else "outgoing_mail",
        note=note,
        differences=[],
        happened_at=mail.created_at,
        request_id=mail.request_id,
        person=mail.person,
    )


def names_in(events: Iterable[Event]) -> dict[str, str]:
    """Return the names of all people whom the events mention, by id and by address."""
    ids, addresses = set(), set()
    for event in events:
        changes = (event.changes.get(name, {}) for name in PEOPLE)
        ids |= {value for change in changes for value in change.values() if value}
        ids |= handover_history.mentioned_people(event) | approval_text.mentioned_people(event)
        kind, _, name = event.actor.partition(":")
        if event.actor_person_id:
            ids.add(event.actor_person_id)
        elif kind == "person":
            addresses.add(normalize_key(name))
    people = Person.objects.filter(Q(pk__in=ids) | Q(email_key__in=addresses))
    names: dict[str, str] = {}
    for person in people if ids or addresses else []:
        names[str(person.pk)] = names[person.email] = person.full_name
    return names


def _entry(event: Event, names: dict[str, str]) -> TimelineEntry:
    differences = [
        Difference(
            field=LABELS.get(name) or label_of(name),
            before=_value_text(name, event.changes[name]["from"], names),
            after=_value_text(name, event.changes[name]["to"], names),
        )
        # Custom fields are not in ORDER, so they come last.
        for name in sorted(event.changes, key=lambda name: ORDER.get(name, len(ORDER)))
    ]
    return TimelineEntry(
        sentence=_sentence(event, differences, names),
        # A kind without an icon of its own, such as a revision, changes fields.
        icon=ICONS.get(event.kind, "edit"),
        note=_note(event, names),
        differences=differences,
        happened_at=event.happened_at,
        request_id=event.request_id,
        person=event.person,
        event_id=event.pk,
    )


def _sentence(event: Event, differences: list[Difference], names: dict[str, str]) -> str:
    actor = name_of_actor(event, names)
    pattern = SENTENCES.get(event.kind)
    if pattern:
        person = event.person.full_name if event.person else ""
        facts = ("role", "what", "name", "user_name", "other")
        # A pattern can contain any of these names, but an event has only the facts of its kind.
        values = dict.fromkeys(facts, "") | event.facts
        values["giver"] = names.get(event.facts.get("giver", ""), "unknown person")
        values["deed"] = approval_text.deed_of(event, names)
        return pattern.format_map({**values, "actor": actor, "person": person})
    match event.kind:
        case Event.Kind.MANAGED_FIELDS_RESTORED:
            return f"{actor} {_changed(differences, 'restored', 'restored')}"
        case Event.Kind.ORGANIZATION_CHANGED:
            fields = _listed([change.field for change in differences])
            return f"{actor} {organization_deed(event, fields)}"
        case Event.Kind.CONNECTION_CHANGED:
            return f"{actor} {connection_deed(event.facts)}"
        case _ if not differences:
            return f"{actor}: {event.get_kind_display()}"
        case _:
            return f"{actor} {_changed(differences, 'changed', 'set')}"


def _changed(differences: list[Difference], verb: str, verb_for_new: str) -> str:
    match differences:
        case [Difference(field, before, after)] if before and after:
            return f"{verb} {field} from {before} to {after}"
        case [Difference(field, "", after)]:
            return f"{verb_for_new} {field} to {after}"
        case [Difference(field, _, "")]:
            return f"removed {field}"
        case _:
            return f"{verb} {_listed([change.field for change in differences])}"


def _note(event: Event, names: dict[str, str]) -> str:
    for fact, pattern in NOTES.items():
        if event.facts.get(fact):
            return pattern.format(event.facts[fact])
    match event.facts:
        case {"added": list() as added, "removed": list() as removed}:
            groups = {"Added": added, "Removed": removed}
            return " ".join(f"{done}: {', '.join(what)}." for done, what in groups.items() if what)
        case {"source": source} if event.kind == Event.Kind.ROLE_REMOVED:
            return f"Source: {actor_name(source, names)}."
        case _:
            return handover_history.describe(event, names)


def name_of_actor(event: Event, names: dict[str, str]) -> str:
    """Return the actor's name. An address alone could belong to another person by now."""
    key = str(event.actor_person_id or "")
    return names.get(key) or actor_name(event.actor, names)


def _value_text(field: str, value: Any, names: dict[str, str]) -> str:
    # Custom fields, and settings of the company, have no kind.
    if field not in FIELDS:
        return plain_value(value)
    if not value:
        return ""
    match FIELDS[field].kind:
        case Kind.PERSON:
            return names.get(value, "unknown person")
        case Kind.CHOICE:
            column: Any = Person._meta.get_field(field)
            return str(dict(column.flatchoices).get(value, value))
        case Kind.MOMENT:
            return moment_text(datetime.fromisoformat(value))
        case _:
            return str(value)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
