import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from people import tenancy
from people.management.operator_command import person_with_address
from people.operations.second_factors import remove_second_factor
from people.values import Actor


class Command(BaseCommand):
    help = (
        "Remove the second factor of a person who has lost it, if no administrator of the company "
        "can. This ends their sessions. Prints JSON: email, tenant, reset."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the email address with which the person signs in")
        parser.add_argument("--tenant", required=True, help="the slug of their tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_with_address(options["address"].strip(), options["tenant"])
        with tenancy.use(person.tenant):
            was_reset = remove_second_factor(person, actor=Actor("command", "reset_second_factor"))
        answer = {"email": person.email, "tenant": person.tenant.slug, "reset": was_reset}
        self.stdout.write(json.dumps(answer, ensure_ascii=False))
