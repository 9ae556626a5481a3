from collections import Counter
from typing import Any

from django.core.management.base import CommandError, CommandParser

from people import tenancy
from people.management.operator_command import (
    Facts,
    OperatorCommand,
    add_confirmation,
    add_person,
    confirm,
    person_called,
)
from people.models import Person, ScheduledTermination
from people.operations.offboarding.handover_plan import (
    HandoverPlan,
    HoldsMore,
    InvalidSuccessor,
    candidates,
    handover_for,
)
from people.operations.offboarding.terminate import check_can_terminate, terminate_person
from people.values import Actor, PeopleError


class Command(OperatorCommand):
    help = (
        "Terminate a person permanently, and hand over what they hold as planned on their page, "
        "or else by default: cards end, and everything else goes to the manager. This cannot be "
        "undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_person(parser)
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_called(options["person"], options["tenant"])
        with tenancy.use(person.tenant):
            scheduled = ScheduledTermination.objects.filter(person=person).first()
            plan = handover_for(person, scheduled.handover_plan if scheduled else None)
            handover = _summary(plan)
            is_new = person.state != Person.State.TERMINATED
            if is_new:
                _terminate(person, plan, _question(person, handover), is_confirmed=options["yes"])
        facts = {"id": str(person.pk), "changed": is_new}
        done = "is terminated" if is_new else "was terminated already"
        self.show(
            facts | ({"handover": handover} if is_new else {}),
            [f"{person.full_name} {done}."],
            as_json=options["json"],
        )


def _terminate(person: Person, plan: HandoverPlan, question: str, *, is_confirmed: bool) -> None:
    try:
        check_can_terminate(person)
        confirm(question, is_confirmed=is_confirmed)
        terminate_person(person, plan, actor=Actor("command", "terminate_person"))
    except (HoldsMore, InvalidSuccessor) as error:
        raise CommandError(
            f"{error} An administrator of the company terminates the person on their page, which "
            "lets them choose."
        ) from error
    except PeopleError as error:
        raise CommandError(str(error)) from error


def _summary(plan: HandoverPlan) -> Facts:
    """Return how many cards, funds and steps end, and how many each successor receives.

    Their names are left out, because operators do not see what a company spends.
    """
    people = candidates(plan.successors)
    numbers = Counter([*plan.cards.values(), *plan.funds.values(), *plan.steps.values()])
    ended = numbers.pop(None, 0)
    received = {people[key].full_name: number for key, number in numbers.items() if key in people}
    reports = people[plan.reports].full_name if plan.reports in people else None
    return {"ended": ended, "received": received, "reports_to": reports}


def _question(person: Person, handover: Facts) -> str:
    lines = [
        f"This terminates {person.full_name} ({person.pk}), tenant {person.tenant.slug}, "
        "permanently.",
        f"Cards and funds that end: {handover['ended']}.",
    ]
    lines += [
        f"Cards, funds and approval steps for {name}: {number}."
        for name, number in handover["received"].items()
    ]
    if handover["reports_to"]:
        lines.append(f"New manager of their reports: {handover['reports_to']}.")
    return "\n".join(lines)
