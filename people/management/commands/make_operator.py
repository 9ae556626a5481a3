import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.models import Person
from people.operations import operators
from people.values import Actor, PeopleError


class Command(BaseCommand):
    help = (
        "Make a person an operator, who adds, suspends and closes tenants and sees nobody in them. "
        "A second time changes nothing. Prints JSON: operator, email, tenant, is_operator, changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the email address with which the person signs in")
        parser.add_argument(
            "--tenant", default="", help="the slug of their tenant, if several know the address"
        )
        parser.add_argument(
            "--remove", action="store_true", help="make an operator an ordinary person again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = _person(options["address"].strip(), options["tenant"])
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


def _person(address: str, slug: str) -> Person:
    with tenancy.across_tenants():
        found = Person.objects.having_address(address).select_related("tenant")
        found = found.filter(tenant__closed_at=None, tenant__is_sandbox=False)
        if slug:
            found = found.filter(tenant__slug=slug)
        people: list[Person] = list(found.order_by("tenant__slug"))
    if len(people) == 1:
        return people[0]
    if people:
        slugs = ", ".join(person.tenant.slug for person in people)
        raise CommandError(
            f"Several tenants have a person with the address “{address}”. Choose one with "
            f"--tenant: {slugs}."
        )
    where = f" in the tenant “{slug}”" if slug else ""
    raise CommandError(
        f"Nobody has the address “{address}”{where}. An operator is a person of a tenant: create "
        "one with its first Owner by create_tenant, or invite the person there."
    )
