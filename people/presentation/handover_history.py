"""Describes what was handed over when a person was terminated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from people.models import Event, Person

NOUNS = {
    "cards": ("Card", "Cards"),
    "funds": ("Fund", "Funds"),
    "steps": ("Approval step", "Approval steps"),
    "reports": ("Report", "Reports"),
}
# How many names of one kind a timeline entry lists.
NAMED = 5


@dataclass(frozen=True)
class Handover:
    """Holdings that one person received; without a person, the heading says what happened."""

    person: Person | None
    holdings: list[str]
    heading: str = ""


def mentioned_people(event: Event) -> set[str]:
    """Return the ids of the people whom the event mentions in its facts."""
    match event.kind:
        case Event.Kind.HOLDINGS_RECEIVED:
            return {event.facts.get("giver", "")} - {""}
        case Event.Kind.PERSON_TERMINATED:
            return set(event.facts.get("received", {}))
        case _:
            return set()


def describe(event: Event, names: Mapping[str, str]) -> str:
    """Describe the handover of the event, for the timeline; blank for other events."""
    facts = event.facts
    received = facts.get("received", {})
    sentences = []
    match event.kind:
        case Event.Kind.HOLDINGS_RECEIVED:
            sentences += [f"{text}." for text in _by_kind(received)]
        case Event.Kind.PERSON_TERMINATED:
            if ended := list(_by_kind(facts.get("ended", {}))):
                sentences.append(f"Ended: {'; '.join(ended)}.")
            for successor, holdings in received.items():
                name = names.get(successor, "unknown person")
                sentences.append(f"To {name}: {'; '.join(_by_kind(holdings))}.")
            if unmanaged := facts.get("unmanaged"):
                sentences.append(f"Without a manager now: {_some(unmanaged)}.")
            if dropped := facts.get("dropped"):
                sentences.append(f"Dropped: {_some(dropped)}.")
    return " ".join(sentences)


def handovers_of(person: Person) -> list[Handover]:
    """Return who received the holdings of a terminated person, and what ended or was dropped."""
    event = person.events.filter(kind=Event.Kind.PERSON_TERMINATED).first()
    if event is None:
        return []
    received = event.facts.get("received", {})
    people = {str(one.pk): one for one in Person.objects.filter(pk__in=received)}
    handovers = [
        Handover(people[key], list(_by_kind(received[key], at_most=None)))
        for key in received
        if key in people
    ]
    others = {
        "Ended": list(_by_kind(event.facts.get("ended", {}), at_most=None)),
        "Without a manager now": event.facts.get("unmanaged", []),
        "Unapproved reimbursements dropped": event.facts.get("dropped", []),
    }
    return handovers + [
        Handover(None, holdings, heading) for heading, holdings in others.items() if holdings
    ]


def _by_kind(received: Mapping[str, list[str]], at_most: int | None = NAMED) -> Iterator[str]:
    """Yield “Cards Travel …4242, Plastic …1111” for each kind."""
    for kind, (one, many) in NOUNS.items():
        if holdings := received.get(kind):
            yield f"{one if len(holdings) == 1 else many} {_some(holdings, at_most)}"


def _some(holdings: list[str], at_most: int | None = NAMED) -> str:
    shown = holdings[:at_most]
    more = len(holdings) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
