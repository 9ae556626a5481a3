import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from people.models import Installation


class Command(BaseCommand):
    help = "Do everything that beat would do and that is due by now, once. Answers JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as-of",
            type=_instant,
            default=None,
            metavar="ISO-INSTANT",
            help="what is due by this instant, such as 2026-03-02T09:00:00Z (default: now)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Installation.current().held_since:
            raise CommandError(
                "Jobs are held since the database was restored. `manage.py restored --release` "
                "ends that."
            )
        as_of = options["as_of"] or timezone.now()
        done = {name: import_string(job)(as_of=as_of) for name, job in settings.DUE_JOBS.items()}
        self.stdout.write(json.dumps({"as_of": as_of.isoformat(), "done": done}))


def _instant(text: str) -> datetime:
    instant = parse_datetime(text)
    if instant is None or timezone.is_naive(instant):
        raise CommandError(f"“{text}” is not an instant. Write it as 2026-03-02T09:00:00Z.")
    return instant
