import json
import sys
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from people.models import Person
from people.operations import tenants
from people.values import Actor, PeopleError, Profile


class Command(BaseCommand):
    help = "Open a tenant with its first Owner. Answers JSON: tenant, slug, owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="part of the tenant's addresses, such as acme")
        parser.add_argument("--name", required=True, help="the company's name")
        parser.add_argument("--owner-email", required=True)
        parser.add_argument(
            "--owner-password",
            default="",
            help="visible to other users of the machine; without it, the command asks, or reads "
            "the first line of standard input",
        )
        parser.add_argument("--owner-name", default="", help="first and last name of the owner")
        parser.add_argument("--currency", default="USD", help="issuing currency (ISO 4217)")

    def handle(self, *args: Any, **options: Any) -> None:
        # Without a name, it is read from the address, as in ada.lovelace@example.com.
        local = options["owner_email"].partition("@")[0].replace("_", ".").replace("-", ".")
        name = options["owner_name"] or local.replace(".", " ").title()
        given, _, family = name.partition(" ")
        try:
            tenant = tenants.create_tenant(
                options["slug"],
                options["name"],
                owner=Profile(
                    given_name=given,
                    family_name=family or "Owner",
                    email=options["owner_email"],
                    role=Person.Role.OWNER,
                ),
                password=options["owner_password"] or _password(),
                currency=options["currency"].upper(),
                actor=Actor("command", "create_tenant"),
            )
        except ValidationError as error:
            reasons = error.messages
            if hasattr(error, "error_dict"):
                fields = error.message_dict.items()
                reasons = [f"{field}: {' '.join(texts)}" for field, texts in fields]
            raise CommandError(" ".join(reasons)) from error
        except PeopleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps({"tenant": tenant.pk, "slug": tenant.slug, "owner": str(tenant.owner_id)})
        )


def _password() -> str:
    """Read the password from the terminal, or from standard input.

    :raises CommandError: if there is none.
    """
    if sys.stdin.isatty():
        password = getpass("Password of the Owner: ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError(
            "Nothing was created: there is no password for the Owner. Type it when the command "
            "asks, or write it to standard input."
        )
    return password
