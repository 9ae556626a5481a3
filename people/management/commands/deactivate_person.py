from typing import Any

from django.core.management.base import CommandError, CommandParser

from people import tenancy
from people.management.operator_command import (
    OperatorCommand,
    add_confirmation,
    add_person,
    confirm,
    person_called,
)
from people.operations.people import deactivate_person
from people.values import Actor, PeopleError


class Command(OperatorCommand):
    help = (
        "Deactivate a person at once: they can no longer sign in or spend, and their sessions and "
        "API tokens end. An administrator can reactivate them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_person(parser)
        parser.add_argument("--reason", default="", help="why, for the history")
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_called(options["person"], options["tenant"])
        with tenancy.use(person.tenant):
            confirm(
                f"This deactivates {person.full_name} ({person.pk}), tenant {person.tenant.slug}.",
                is_confirmed=options["yes"],
            )
            try:
                is_new = deactivate_person(
                    person,
                    actor=Actor("command", "deactivate_person"),
                    reason=options["reason"],
                )
            except PeopleError as error:
                raise CommandError(str(error)) from error
        facts = {"id": str(person.pk), "state": person.state, "changed": is_new}
        done = "is inactive now" if is_new else f"was {person.state} already"
        self.show(facts, [f"{person.full_name} {done}."], as_json=options["json"])
