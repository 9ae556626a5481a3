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
    facts = event.facts
    match event.kind:
        case Event.Kind.APPROVAL_DECIDED:
            person = event.person.full_name if event.person else UNKNOWN
            is_approved = facts.get("decision") == Approval.State.APPROVED
            verb = "approved" if is_approved else "declined"
            item, step = facts.get("item", "an item"), facts.get("step", "a step")
            deed = f"{verb} {item} of {person} at {step}"
            if facts.get("absent"):
                absent, until = names.get(facts["absent"], UNKNOWN), _moment(facts["away_until"])
                deed = f"{deed}, for {absent} (away until {until})"
        case Event.Kind.DELEGATION_CHANGED:
            whose = "their"
            if event.actor_person_id != event.person_id:
                whose = f"{event.person.full_name if event.person else UNKNOWN}’s"
            delegate = names.get(facts.get("delegate", ""), UNKNOWN)
            deed = f"ended the delegation of {whose} approvals to {delegate}"
            if facts.get("deed") == "started":
                period = f"from {_moment(facts['starts_at'])} until {_moment(facts['ends_at'])}"
                deed = f"delegated {whose} approvals to {delegate}, {period}"
        case _:
            deed = ""
    return deed


def _moment(text: str) -> str:
    return moment_text(datetime.fromisoformat(text))
