from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from people import tenancy
from people.management.operator_command import (
    OperatorCommand,
    add_confirmation,
    confirm,
    tenant_with_slug,
)
from people.values import Actor
from scim.connections import manage
from scim.models import Connection
from scim.models.connection import TooManyTokens

COMMAND = Actor("command", "rotate_token")


class Command(OperatorCommand):
    help = (
        "Create a new SCIM token for a connection and print it once. The old one stays valid until "
        "the provider has the new one, unless --revoke ends all others now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", help="the tenant's slug")
        parser.add_argument(
            "--connection", type=UUID, help="the id of the connection, if the tenant has several"
        )
        parser.add_argument(
            "--revoke",
            action="store_true",
            help="revoke all other tokens now, for example because one was leaked",
        )
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_with_slug(options["slug"])
        with tenancy.use(tenant):
            connection = _connection(options["slug"], options["connection"])
        if options["revoke"]:
            confirm(
                f"The tokens of {connection} of {tenant.name} stop working now. Its updates are "
                "refused until the provider has the new token.",
                is_confirmed=options["yes"],
            )
        with tenancy.use(tenant), transaction.atomic():
            revoked: list[str] = []
            if options["revoke"]:
                for token in connection.tokens.filter(revoked_at=None):
                    manage.retire_token(token, actor=COMMAND)
                    revoked.append(token.hint)
            try:
                new = manage.add_token(connection, actor=COMMAND)
            except TooManyTokens as error:
                raise CommandError(f"{error} --revoke revokes both.") from error
        facts = {"connection": str(connection.pk), "token": new, "revoked": revoked}
        lines = [f"The new token of {connection} of {tenant.name}, shown this one time:", new]
        self.show(facts, lines, as_json=options["json"])


def _connection(slug: str, wanted: UUID | None) -> Connection:
    connections = Connection.objects.filter(disconnected_at=None).order_by("created_at")
    if wanted:
        connections = connections.filter(pk=wanted)
    found = list(connections)
    if len(found) == 1:
        return found[0]
    if not found:
        which = f" {wanted}" if wanted else ""
        raise CommandError(f"The tenant “{slug}” has no connection{which}.")
    there = ", ".join(f"{one.pk} ({one})" for one in found)
    raise CommandError(f"The tenant “{slug}” has several. Choose one with --connection: {there}.")
