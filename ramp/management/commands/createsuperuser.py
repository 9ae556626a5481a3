from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Ramp has no superusers: create_tenant opens a company with its first Owner."

    def add_arguments(self, parser: CommandParser) -> None:
        # The options of Django's command, so that the user sees our advice and not a usage error.
        for option in ("--email", "--username", "--database"):
            parser.add_argument(option)
        parser.add_argument("--noinput", "--no-input", action="store_true")

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        raise CommandError(
            "Ramp has no superusers: everybody belongs to a company. Open one with its first "
            "Owner by “manage.py create_tenant SLUG --name NAME --owner-email EMAIL”, which asks "
            "for the Owner's password. Owners add administrators on the People page."
        )
