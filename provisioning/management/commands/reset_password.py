from typing import Any

from django.core.management.base import CommandError, CommandParser

from people import tenancy
from people.mail.reset_links import reset_link
from people.management.operator_command import OperatorCommand, add_address, person_with_address
from people.operations import passwords
from people.values import Actor
from provisioning.passwords import reset


class Command(OperatorCommand):
    help = (
        "Mail a person a link to choose a new password, valid for an hour. Their present password "
        "works until they use it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_address(parser)
        parser.add_argument(
            "--show-link",
            action="store_true",
            help="also print the link; anybody who sees it can choose the password",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_with_address(options["address"], options["tenant"])
        with tenancy.use(person.tenant):
            if not reset.may_reset(person):
                raise CommandError(str(reset.NoPasswordHere(person)))
            mail = passwords.mail_reset(person, actor=Actor("command", "reset_password"))
            link = reset_link(mail) if options["show_link"] else ""
        facts = {"person": str(person.pk), "email": person.email, "tenant": person.tenant.slug}
        lines = [f"{person.full_name} is mailed a link to {person.email}."]
        if link:
            facts["link"] = link
            lines.append(link)
        self.show(facts, lines, as_json=options["json"])
