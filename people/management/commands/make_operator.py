import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.management.operator_command import (
    add_address,
    nobody_has,
    people_with_address,
    person_with_address,
)
from people.operations import operators
from people.values import Actor, PeopleError


class Command(BaseCommand):
    help = (
        "Make a person an operator, who adds, suspends and closes tenants and sees nobody in them. "
        "A second time changes nothing. Prints JSON: operator, email, tenant, is_operator, changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_address(parser)
        parser.add_argument(
            "--remove", action="store_true", help="make an operator an ordinary person again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        address, slug = options["address"].strip(), options["tenant"]
        if not people_with_address(address, slug):
            raise CommandError(
                f"{nobody_has(address, slug)} An operator is a person of a tenant: create one with "
                "its first Owner by create_tenant, or invite the person there."
            )
        person = person_with_address(address, slug)
        change = operators.remove_operator if options["remove"] else operators.make_operator
        try:
            with tenancy.use(person.tenant):
                has_changed = change(person, actor=Actor("command", "make_operator"))
        except PeopleError as error:
            raise CommandError(str(error)) from error
        answer = {
            "operator": str(person.pk),
            "email": person.email,
            "tenant": person.tenant.slug,
            "is_operator": person.is_operator,
            "changed": has_changed,
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False))
