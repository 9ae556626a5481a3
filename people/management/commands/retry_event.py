from typing import Any

from django.core.management.base import CommandError, CommandParser

from people import events
from people.management.operator_command import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Deliver one event again now to the subscribers that have not acknowledged it. "
        "`manage.py stuck` lists the events that failed several times."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("event", type=int, help="the number of the event, as `stuck` lists it")

    def handle(self, *args: Any, **options: Any) -> None:
        number = options["event"]
        retried = events.retry(number)
        if not retried:
            raise CommandError(f"No subscriber waits for event {number}. `stuck` lists the events.")
        lines = [f"Event {number} is delivered again to {name}." for name in retried]
        self.show({"event": number, "subscribers": retried}, lines, as_json=options["json"])
