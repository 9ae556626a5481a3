import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from people.operations import restores
from ramp import __version__, checks, processes


class Command(BaseCommand):
    help = (
        "Run Ramp in production: web processes, a worker and beat, on PostgreSQL and Redis. "
        "With 0, a part is left out: for example, `serve --worker 0 --beat 0 --migrate 0` runs "
        "only the web processes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--web",
            type=_number,
            default=settings.WEB_PROCESSES,
            metavar="N",
            help="number of web processes (default: %(default)s, from WEB_PROCESSES)",
        )
        parser.add_argument(
            "--worker",
            type=_number,
            default=settings.WORKER_PROCESSES,
            metavar="N",
            help="number of the worker's processes (default: %(default)s, from WORKER_PROCESSES)",
        )
        parser.add_argument(
            "--beat",
            type=int,
            choices=(0, 1),
            default=1,
            help="1 starts the periodic jobs; one machine is enough, several do no harm",
        )
        parser.add_argument(
            "--migrate",
            type=int,
            choices=(0, 1),
            default=1,
            help="1 migrates the database first; machines that start together wait for each other",
        )

    def handle(self, *, web: int, worker: int, beat: int, migrate: int, **_: Any) -> None:
        if not (web or worker or beat):
            raise CommandError("Not started: --web, --worker and --beat are all 0.")
        _refuse_the_embedded_default()
        _check_database()
        _check_role()
        call_command("check", deploy=True, fail_level="ERROR")
        if web:
            _check_port()
        if migrate:
            call_command("migrate")
        try:
            restores.check_database()
        except restores.OtherDatabase as error:
            raise CommandError(str(error)) from error
        connections.close_all()
        settings.WEB_PROCESSES, settings.WORKER_PROCESSES = web, worker
        programs = [
            *([processes.web()] if web else []),
            *([processes.worker(processes=worker)] if worker else []),
            *([processes.beat()] if beat else []),
        ]
        # A terminal that is closed sends SIGHUP, too; there it ends everything.
        processes.supervise(
            programs, announce=lambda: self._announce(programs), reloads=not sys.stdin.isatty()
        )

    def _announce(self, programs: list[processes.Program]) -> None:
        started = ", ".join(program.name for program in programs)
        where = f" on {settings.HOST}:{settings.PORT}" if settings.WEB_PROCESSES else ""
        self.stdout.write(
            f"Ramp {__version__} runs {started}{where}, and is known as {settings.PUBLIC_BASE_URL}"
        )
        # Into a pipe, such as the journal's, Python writes only when its buffer is full.
        self.stdout.flush()


def _number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _check_port() -> None:
    try:
        processes.preflight()
    except processes.PortTakenError as error:
        raise CommandError(str(error)) from error


def _check_database() -> None:
    try:
        connections["default"].ensure_connection()
    except (OperationalError, ImproperlyConfigured) as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(
            f"Not started: the database cannot be used. {reason}. Check DATABASE_URL, such as "
            "postgres://ramp:password@db.internal:5432/ramp, and that the server runs."
        ) from error


def _check_role() -> None:
    """Refuse a role that sees all companies, in one line: the checks of Django print more."""
    for found in checks.role_is_limited():
        raise CommandError(f"Not started: {found.msg} {found.hint}")


def _refuse_the_embedded_default() -> None:
    examples = {
        "DATABASE_URL": "postgres://ramp:password@db.internal:5432/ramp",
        "REDIS_URL": "redis://redis.internal:6379/0",
    }
    missing = [name for name in examples if not getattr(settings, name)]
    if missing:
        wanted = "".join(f"\n  {name}={examples[name]}" for name in missing)
        raise CommandError(f"Not started: real service needs to be told its servers.{wanted}")
