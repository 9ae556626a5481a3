"""Sentences about approvals and delegations."""

from collections.abc import Mapping
from datetime import datetime

from people.models import Approval, Event, OutstandingItem
from people.presentation.actor_names import actor_name, people_names
from people.presentation.times import moment_text

UNKNOWN = "unknown person"


def mentioned_people(event: Event) -> set[str]:
    """Return the ids of the people who are named in an event about an approval or delegation."""
    return {event.facts.get("absent", ""), event.facts.get("delegate", "")} - {""}


def approval_texts(item: OutstandingItem) -> list[tuple[Approval, str]]:
    """Return the approvals of the item in order, each with its decision or the approver."""
    approvals = item.approvals.select_related("step__workflow", "step__approver").order_by("pk")
    names = people_names([one.decided_by for one in approvals])
    texts = []
    for one in approvals:
        text = f"Waits for {one.step.approver.full_name}"
        if one.decided_at:
            verb = "Approved" if one.state == Approval.State.APPROVED else "Declined"
            by = actor_name(one.decided_by, names)
            text = f"{verb} by {by} on {moment_text(one.decided_at)}"
        texts.append((one, text))
    return texts


def deed_of(event: Event, names: Mapping[str, str]) -> str:
    """Return the predicate of the sentence about such an event; blank for other events."""
    match event.kind:
        case Event.Kind.APPROVAL_DECIDED:
            return _decision(event, names)
        case Event.Kind.DELEGATION_CHANGED:
            return _delegation(event, names)
        case _:
            return ""


def _decision(event: Event, names: Mapping[str, str]) -> str:
    facts = event.facts
    person = event.person.full_name if event.person else UNKNOWN
    is_approved = facts.get("decision") == Approval.State.APPROVED
    verb = "approved" if is_approved else "declined"
    deed = f"{verb} {facts.get('item', 'an item')} of {person} at {facts.get('step', 'a step')}"
    if not facts.get("absent"):
        return deed
    absent, until = names.get(facts["absent"], UNKNOWN), _moment(facts["away_until"])
    return f"{deed}, for {absent} (away until {until})"


def _delegation(event: Event, names: Mapping[str, str]) -> str:
    facts = event.facts
    is_own = event.actor_person_id == event.person_id
    whose = "their" if is_own else f"{event.person.full_name if event.person else UNKNOWN}’s"
    delegate = names.get(facts.get("delegate", ""), UNKNOWN)
    if facts.get("deed") != "started":
        return f"ended the delegation of {whose} approvals to {delegate}"
    period = f"from {_moment(facts['starts_at'])} until {_moment(facts['ends_at'])}"
    return f"delegated {whose} approvals to {delegate}, {period}"


def _moment(text: str) -> str:
    return moment_text(datetime.fromisoformat(text))
