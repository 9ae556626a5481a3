"""Summarizes the handover of a scheduled termination in a sentence."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Coalesce

from people.models import Fund, Person, ScheduledTermination

KINDS = ("cards", "funds", "steps")


def handover_summaries(scheduled_terminations: Iterable[ScheduledTermination]) -> dict[UUID, str]:
    """Summarize the handover of each termination, by person.

    The caller has loaded the people with their managers.
    """
    terminations = list(scheduled_terminations)
    mentioned = set()
    for one in terminations:
        plan = one.handover_plan or {}
        mentioned.add(plan.get("reports"))
        # An item without a successor ends.
        mentioned.update(*(plan.get(kind, {}).values() for kind in KINDS))
    successors = Person.objects.filter(pk__in=mentioned - {None, ""})
    names = {str(successor.pk): successor.display_name for successor in successors}
    people = (one.person_id for one in terminations if one.handover_plan is None)
    currency = Coalesce(
        "owner__manager__location__entity__currency", "tenant__default_entity__currency"
    )
    funds = Fund.objects.live().filter(owner__in=list(people)).exclude(currency=currency)
    foreign = set(funds.values_list("owner", flat=True))
    return {one.person_id: _summary(one, names, foreign) for one in terminations}


def _summary(
    scheduled_termination: ScheduledTermination, names: dict[str, str], foreign: set[UUID]
) -> str:
    plan = scheduled_termination.handover_plan
    if plan is not None:
        counts = Counter(pk for kind in KINDS for pk in plan.get(kind, {}).values())
        ended = counts.pop(None, 0)
        parts = [f"{count} to {names.get(pk, 'unknown person')}" for pk, count in counts.items()]
        if plan.get("reports"):
            parts.append(f"reports to {names.get(plan['reports'], 'unknown person')}")
        if ended:
            parts.append(f"{ended} {'ends' if ended == 1 else 'end'}")
        return f"Planned: {', '.join(parts) or 'nothing to hand over'}."
    manager = scheduled_termination.person.manager
    if manager and manager.state == Person.State.ACTIVE:
        ends = (
            "cards and funds in another currency"
            if scheduled_termination.person_id in foreign
            else "cards"
        )
        return f"Default: {ends} end, the rest goes to {manager.full_name}."
    return "Default: cards and funds end, approval steps and reports go to the account owner."
