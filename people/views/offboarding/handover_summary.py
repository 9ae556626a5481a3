"""Summarizes the handover of a scheduled termination in a sentence."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models.functions import Coalesce

from people.models import Fund, Person, ScheduledTermination

KINDS = ("cards", "funds", "steps")


def handover_summaries(scheduled_terminations: Iterable[ScheduledTermination]) -> dict[UUID, str]:
    """Summarize the handover of each termination, by person.

    The caller has loaded the people with their managers.
    """
    terminations = list(scheduled_terminations)
    names = _names(terminations)
    people = (one.person_id for one in terminations if one.handover_plan is None)
    currency = Coalesce(
        "owner__manager__location__entity__currency", "tenant__default_entity__currency"
    )
    funds = Fund.objects.live().filter(owner__in=list(people)).exclude(currency=currency)
    foreign = set(funds.values_list("owner", flat=True))
    return {one.person_id: _summary(one, names, foreign) for one in terminations}


def _names(scheduled_terminations: Iterable[ScheduledTermination]) -> dict[str, str]:
    ids = {pk for one in scheduled_terminations for pk in _successor_ids(one.handover_plan or {})}
    if not ids:
        return {}
    return {
        str(successor.pk): successor.display_name for successor in Person.objects.filter(pk__in=ids)
    }


def _successor_ids(plan: dict[str, Any]) -> set[str]:
    named = {plan.get("reports")}.union(*(plan.get(kind, {}).values() for kind in KINDS))
    return {pk for pk in named if pk}


def _summary(
    scheduled_termination: ScheduledTermination, names: dict[str, str], foreign: set[UUID]
) -> str:
    if scheduled_termination.handover_plan is not None:
        return f"Planned: {_planned(scheduled_termination.handover_plan, names)}."
    manager = scheduled_termination.person.manager
    if manager and manager.state == Person.State.ACTIVE:
        ends = (
            "cards and funds in another currency"
            if scheduled_termination.person_id in foreign
            else "cards"
        )
        return f"Default: {ends} end, the rest goes to {manager.full_name}."
    return "Default: cards and funds end, approval steps and reports go to the account owner."


def _planned(plan: dict[str, Any], names: dict[str, str]) -> str:
    successors = Counter(successor for kind in KINDS for successor in plan.get(kind, {}).values())
    ended = successors.pop(None, 0)
    parts = [f"{count} to {names.get(pk, 'unknown person')}" for pk, count in successors.items()]
    if plan.get("reports"):
        parts.append(f"reports to {names.get(plan['reports'], 'unknown person')}")
    if ended:
        parts.append(f"{ended} {'ends' if ended == 1 else 'end'}")
    return ", ".join(parts) or "nothing to hand over"
