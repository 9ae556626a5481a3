from typing import Any

from django.core.management.base import CommandParser

from people.management.operator_command import (
    OperatorCommand,
    add_confirmation,
    confirm,
    tenant_with_slug,
)
from people.operations import tenants
from people.values import Actor


class Command(OperatorCommand):
    help = (
        "Close a tenant permanently: sign-in, SCIM and API end, and its slug and domain become "
        "free. Its rows stay for the history. This cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", help="the tenant's slug")
        add_confirmation(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_with_slug(options["slug"])
        confirm(
            f"This closes {tenant.name} ({tenant.slug}) permanently. Its people can no longer sign "
            "in.",
            is_confirmed=options["yes"],
        )
        tenants.close_tenant(tenant, actor=Actor("command", "close_tenant"))
        facts = {"tenant": tenant.pk, "closed": options["slug"], "slug": tenant.slug}
        self.show(facts, [f"{tenant.name} is closed."], as_json=options["json"])
