import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import tenancy
from people.management.operator_command import add_person, person_called
from people.operations.erasure.export import export_person
from people.values import Actor


class Command(BaseCommand):
    help = (
        "Print everything that Ramp stores about a person, as JSON and without secrets. The audit "
        "log records the export."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_person(parser)
        parser.add_argument(
            "--json", action="store_true", help="print JSON, which the command always does"
        )
        parser.add_argument("--output", type=Path, help="write to this file, which must not exist")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_called(options["person"], options["tenant"])
        output: Path | None = options["output"]
        if output:
            try:
                # Nobody else on the machine may read it.
                output.touch(mode=0o600, exist_ok=False)
            except OSError as error:
                reason = f"The file {output} cannot be created: {error.strerror}."
                raise CommandError(reason) from error
        with tenancy.use(person.tenant):
            found = export_person(person, actor=Actor("command", "export_person"))
        text = json.dumps(found, ensure_ascii=False, indent=2)
        if output:
            output.write_text(f"{text}\n", encoding="utf-8")
        else:
            self.stdout.write(text)
