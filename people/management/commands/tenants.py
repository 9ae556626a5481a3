from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from people import tenancy
from people.management.operator_command import OperatorCommand
from people.models import Person, Tenant


class Command(OperatorCommand):
    help = "List the tenants with their status and the number of people who are not terminated."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--closed", action="store_true", help="list closed tenants as well")

    def handle(self, *args: Any, **options: Any) -> None:
        with tenancy.across_tenants():
            counts = Person.objects.in_lists().filter(tenant=OuterRef("pk")).order_by()
            count = counts.values("tenant").annotate(people=Count("pk")).values("people")
            people = Coalesce(Subquery(count, output_field=IntegerField()), 0)
            tenants = Tenant.objects.filter(is_sandbox=False).select_related("owner")
            if not options["closed"]:
                tenants = tenants.filter(closed_at=None)
            rows = [
                {
                    "slug": tenant.slug,
                    "name": tenant.name,
                    "status": str(tenant.status),
                    "domain": tenant.domain,
                    "owner": tenant.owner.email if tenant.owner else None,
                    "people": tenant.people,
                    "created_at": tenant.created_at.isoformat(),
                }
                for tenant in tenants.annotate(people=people).order_by("slug")
            ]
        lines = [
            f"{row['slug']:<24} {row['status']:<9} {row['people']:>8} people  {row['name']}"
            for row in rows
        ]
        self.show({"tenants": rows}, lines or ["There is no tenant."], as_json=options["json"])
