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
        try:
            tenant = tenants.create_tenant(
                options["slug"],
                options["name"],
                owner=_owner(options["owner_email"], options["owner_name"]),
                password=options["owner_password"] or _password(),
                currency=options["currency"].upper(),
                actor=Actor("command", "create_tenant"),
            )
        except ValidationError as error:
            raise CommandError(_reasons(error)) from error
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


def _owner(email: str, name: str) -> Profile:
    """Return the owner's profile. The default name is from the address, as in ada.lovelace@…"""
    local = email.partition("@")[0].replace("_", ".").replace("-", ".")
    given, _, family = (name or local.replace(".", " ").title()).partition(" ")
    return Profile(
        given_name=given, family_name=family or "Owner", email=email, role=Person.Role.OWNER
    )


def _reasons(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
