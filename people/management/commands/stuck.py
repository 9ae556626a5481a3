import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from people import events, tenancy
from people.models import Delivery


class Command(BaseCommand):
    help = (
        "List the stuck deliveries as JSON: events for which a subscriber failed several times. "
        "The exit code is 1 if there are any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retry", action="store_true", help="try them again now")

    def handle(self, *, retry: bool, **_: Any) -> None:
        with tenancy.across_tenants():
            stuck = Delivery.objects.stuck().select_related("event", "tenant")
            rows = [
                {
                    "tenant": one.tenant.slug,
                    "event": one.event.pk,
                    "kind": one.event.kind,
                    "person": str(one.event.person_id) if one.event.person_id else None,
                    "happened_at": one.event.happened_at.isoformat(),
                    "subscriber": one.subscriber,
                    "attempts": one.attempts,
                    "problem": one.problem,
                    "next_attempt_at": one.due_at.isoformat(),
                }
                for one in stuck
            ]
        if retry:
            events.retry_stuck()
        self.stdout.write(json.dumps({"stuck": rows, "retried": retry}, indent=2))
        if rows and not retry:
            raise SystemExit(1)
