"""What becomes of what somebody holds on the day on which they leave, in a sentence."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models.functions import Coalesce

from people.models import Fund, Person, ScheduledTermination

KINDS = ("cards", "funds", "steps")


def handover_summaries(scheduled_terminations: Iterable[ScheduledTermination]) -> dict[UUID, str]:
    """Describe the handover of each termination, whose people are loaded with their managers."""
    asked = list(scheduled_terminations)
    names = _names(asked)
    people = (one.person_id for one in asked if one.disposition is None)
    currency = Coalesce(
        "owner__manager__location__entity__currency", "tenant__default_entity__currency"
    )
    funds = Fund.objects.live().filter(owner__in=list(people)).exclude(currency=currency)
    foreign = set(funds.values_list("owner", flat=True))
    return {one.person_id: _told(one, names, foreign) for one in asked}


def _names(scheduled_terminations: Iterable[ScheduledTermination]) -> dict[str, str]:
    ids = {pk for one in scheduled_terminations for pk in _heirs(one.disposition or {})}
    if not ids:
        return {}
    return {str(heir.pk): heir.display_name for heir in Person.objects.filter(pk__in=ids)}


def _heirs(said: dict[str, Any]) -> set[str]:
    named = {said.get("reports")}.union(*(said.get(kind, {}).values() for kind in KINDS))
    return {pk for pk in named if pk}


def _told(
    scheduled_termination: ScheduledTermination, names: dict[str, str], foreign: set[UUID]
) -> str:
    if scheduled_termination.disposition is not None:
        return f"Planned: {_planned(scheduled_termination.disposition, names)}."
    manager = scheduled_termination.person.manager
    if manager and manager.state == Person.State.ACTIVE:
        ends = (
            "cards and funds in another currency"
            if scheduled_termination.person_id in foreign
            else "cards"
        )
        return f"Default: {ends} end, the rest goes to {manager.full_name}."
    return "Default: cards and funds end, approvals go to the account owner."


def _planned(said: dict[str, Any], names: dict[str, str]) -> str:
    heirs = Counter(heir for kind in KINDS for heir in said.get(kind, {}).values())
    ended = heirs.pop(None, 0)
    told = [f"{count} to {names.get(pk, 'unknown person')}" for pk, count in heirs.items()]
    if said.get("reports"):
        told.append(f"reports to {names.get(said['reports'], 'unknown person')}")
    if ended:
        told.append(f"{ended} {'ends' if ended == 1 else 'end'}")
    return ", ".join(told) or "nothing to hand over"
