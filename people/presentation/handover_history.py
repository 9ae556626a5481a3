"""What became of what somebody held, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from people.models import Event, Person

NOUNS = {
    "cards": ("Card", "Cards"),
    "funds": ("Fund", "Funds"),
    "steps": ("Approval step", "Approval steps"),
    "reports": ("Report", "Reports"),
}
# Of one kind, in a timeline.
NAMED = 5


@dataclass(frozen=True)
class Handover:
    """Things that went the same way; without a person they ended."""

    person: Person | None
    things: list[str]


def mentioned_people(event: Event) -> set[str]:
    """Return the ids of those whom such an event names."""
    match event.kind:
        case Event.Kind.HOLDINGS_RECEIVED:
            return {event.facts.get("giver", "")} - {""}
        case Event.Kind.PERSON_TERMINATED:
            return set(event.facts.get("received", {}))
        case _:
            return set()


def told(event: Event, names: Mapping[str, str]) -> str:
    """Return what went where, for the timeline."""
    facts = event.facts
    match event.kind:
        case Event.Kind.HOLDINGS_RECEIVED:
            return " ".join(f"{things}." for things in _things(facts.get("received", {})))
        case Event.Kind.PERSON_TERMINATED:
            return " ".join(_dispositions(event, names))
        case _:
            return ""


def _dispositions(event: Event, names: Mapping[str, str]) -> Iterator[str]:
    if ended := list(_things(event.facts.get("ended", {}))):
        yield f"Ended: {'; '.join(ended)}."
    for successor, received in event.facts.get("received", {}).items():
        whom = names.get(successor, "unknown person")
        yield f"To {whom}: {'; '.join(_things(received))}."
    if dropped := event.facts.get("dropped"):
        yield f"Dropped: {_some(dropped)}."


def handovers_of(person: Person) -> list[Handover]:
    """Return what became of everything that somebody held who left for good."""
    event = person.events.filter(kind=Event.Kind.PERSON_TERMINATED).first()
    if event is None:
        return []
    received = event.facts.get("received", {})
    people = {str(one.pk): one for one in Person.objects.filter(pk__in=received)}
    went = [
        Handover(people[key], list(_things(received[key], at_most=None)))
        for key in received
        if key in people
    ]
    ended = list(_things(event.facts.get("ended", {}), at_most=None))
    return [*went, *([Handover(None, ended)] if ended else [])]


def _things(received: Mapping[str, list[str]], at_most: int | None = NAMED) -> Iterator[str]:
    """Yield “Cards Travel …4242, Plastic …1111” for each kind."""
    for kind, (one, many) in NOUNS.items():
        if things := received.get(kind):
            yield f"{one if len(things) == 1 else many} {_some(things, at_most)}"


def _some(things: list[str], at_most: int | None = NAMED) -> str:
    shown = things[:at_most]
    more = len(things) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
