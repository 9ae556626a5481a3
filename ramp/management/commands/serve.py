from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from people.operations import restores
from ramp import __version__, processes


class Command(BaseCommand):
    help = "Run Ramp for real: web processes, workers and one beat, on PostgreSQL and Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-migrate", action="store_true", help="leave the database as it is")
        parser.add_argument("--no-beat", action="store_true", help="for all machines but one")

    def handle(self, *, no_migrate: bool, no_beat: bool, **_: Any) -> None:
        _refuse_the_embedded_default()
        _check_database()
        call_command("check", deploy=True, fail_level="ERROR")
        try:
            processes.preflight()
        except processes.PortTakenError as error:
            raise CommandError(str(error)) from error
        if not no_migrate:
            call_command("migrate")
        try:
            restores.check_database()
        except restores.OtherDatabase as error:
            raise CommandError(str(error)) from error
        connections.close_all()
        programs = [processes.web(), processes.worker(processes=settings.WORKER_PROCESSES)]
        if not no_beat:
            programs.append(processes.beat())
        processes.supervise(programs, announce=self._announce)

    def _announce(self) -> None:
        address = f"{settings.HOST}:{settings.PORT}"
        self.stdout.write(
            f"Ramp {__version__} listens on {address} and is known as {settings.PUBLIC_BASE_URL}"
        )


def _check_database() -> None:
    try:
        connections["default"].ensure_connection()
    except (OperationalError, ImproperlyConfigured) as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(
            f"Not started: the database cannot be used. {reason}. Check DATABASE_URL, such as "
            "postgres://ramp:password@db.internal:5432/ramp, and that the server runs."
        ) from error


def _refuse_the_embedded_default() -> None:
    examples = {
        "DATABASE_URL": "postgres://ramp:password@db.internal:5432/ramp",
        "REDIS_URL": "redis://redis.internal:6379/0",
    }
    missing = [name for name in examples if not getattr(settings, name)]
    if missing:
        wanted = "".join(f"\n  {name}={examples[name]}" for name in missing)
        raise CommandError(f"Not started: real service needs to be told its servers.{wanted}")
