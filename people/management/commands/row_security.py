from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError, ProgrammingError, connection

from people.db import app_role, row_policies
from people.db.app_role import UnsuitableRole
from people.management.operator_command import Facts, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Limit the application's database role to the rows of the tenant in force, with "
        "PostgreSQL's row-level security. Without options, show what is on. Run it as the role "
        "that owns the tables; see docs/operating.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--role", help="turn it on, and grant this role what the application needs"
        )
        what.add_argument(
            "--off", action="store_true", help="drop the policies; all roles keep what they may do"
        )
        what.add_argument(
            "--leakproof",
            choices=("on", "off"),
            help="let PostgreSQL use the indexes for searches and addresses; run it as a superuser",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has row-level security. Nothing was changed.")
        try:
            if options["role"]:
                app_role.turn_on(options["role"])
            elif options["off"]:
                row_policies.drop()
            elif options["leakproof"]:
                app_role.set_leakproof(is_leakproof=options["leakproof"] == "on")
        except UnsuitableRole as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        except ProgrammingError as error:
            needed = "a superuser" if options["leakproof"] else "the role that owns the tables"
            raise CommandError(f"{str(error).strip()}. Run this command as {needed}.") from error
        except OperationalError as error:
            # What was done stays, and is not repeated.
            raise CommandError(f"{str(error).strip()}. Run this command again.") from error
        facts = {
            "is_on": row_policies.is_on(),
            "roles": app_role.granted(),
            "missing_policies": sorted({one.table for one in row_policies.missing()}),
            "functions_without_index": app_role.leaky_functions(),
        }
        self.show(facts, _lines(facts), as_json=options["json"])


def _lines(facts: Facts) -> list[str]:
    if not facts["is_on"]:
        return ["Row-level security is off."]
    lines = [f"Row-level security is on, for: {', '.join(facts['roles']) or 'no role'}."]
    if missing := facts["missing_policies"]:
        lines.append(f"Tables without their policy: {', '.join(missing)}.")
    if leaky := facts["functions_without_index"]:
        lines.append(
            f"No index is used for {', '.join(leaky)}, so searches are slow in large companies. "
            "--leakproof on mends this."
        )
    return lines
