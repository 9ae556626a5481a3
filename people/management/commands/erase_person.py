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
from people.operations.erasure.erase import erase_person, pseudonym_of
from people.values import Actor, PeopleError


class Command(OperatorCommand):
    help = (
        "Erase the names, addresses and ids of a terminated person everywhere. The history stays, "
        "under a pseudonym. This cannot be undone, and backups still contain the data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_person(parser)
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_called(options["person"], options["tenant"])
        pseudonym = pseudonym_of(person)
        with tenancy.use(person.tenant):
            confirm(
                f"This erases the personal data of {person.full_name} ({person.pk}), tenant "
                f"{person.tenant.slug}, permanently.",
                is_confirmed=options["yes"],
            )
            try:
                is_new = erase_person(person, actor=Actor("command", "erase_person"))
            except PeopleError as error:
                raise CommandError(str(error)) from error
        facts = {"id": str(person.pk), "pseudonym": pseudonym, "erased": is_new}
        done = "is erased; the history calls them" if is_new else "was erased before, as"
        self.show(facts, [f"{person.pk} {done} {pseudonym}."], as_json=options["json"])
