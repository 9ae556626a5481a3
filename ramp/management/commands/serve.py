import logging
import sys
from argparse import ArgumentParser
from typing import Any, Final, TextIO, cast
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import OperationalError, connections
from kombu.exceptions import OperationalError as BrokerError

from people.db import row_policies
from people.operations import restores
from ramp import __version__, checks, processes
from ramp.logs import LoggedLines

REDIS_SCHEMES: Final = ("redis", "rediss", "redis+socket")

log = logging.getLogger(__name__)


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
        output = self._output()
        if not (web or worker or beat):
            raise CommandError("Not started: --web, --worker and --beat are all 0.")
        _refuse_the_embedded_default()
        _check_database()
        self._check_role()
        self._warn_of_broker()
        call_command("check", deploy=True, fail_level="ERROR", **output)
        if web:
            _check_port()
        if migrate:
            call_command("migrate", **output)
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

    def _output(self) -> dict[str, Any]:
        """Return the streams for other commands. With LOG_FORMAT=json, the log has their lines."""
        if settings.LOG_IS_JSON:
            self.stdout = OutputWrapper(cast("TextIO", LoggedLines(log, logging.INFO)))
            self.stderr = OutputWrapper(cast("TextIO", LoggedLines(log, logging.ERROR)))
        return {"stdout": self.stdout, "stderr": self.stderr}

    def _check_role(self) -> None:
        """Refuse a role that bypasses row-level security, and report a superuser where it is off.

        Installations that have always used a superuser must start after an upgrade, too. For them,
        only `check --deploy` fails.

        :raises CommandError: if the role is refused. The checks of Django would print more lines.
        """
        for found in checks.role_is_limited():
            if row_policies.is_on():
                raise CommandError(f"Not started: {found.msg} {found.hint}")
            self.stderr.write(f"{found.msg} {found.hint}")
            settings.SILENCED_SYSTEM_CHECKS = [*settings.SILENCED_SYSTEM_CHECKS, str(found.id)]

    def _warn_of_broker(self) -> None:
        """Say so if Redis does not answer. Only jobs need it, and they can wait."""
        try:
            with current_app.connection_for_write() as broker:
                broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
        except BrokerError as error:
            self.stderr.write(
                f"Redis does not answer: {error}. Check REDIS_URL, and that the server runs. Until "
                "it answers, pages, SCIM and the API work, but no mail is sent and no job runs."
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


def _refuse_the_embedded_default() -> None:
    examples = {
        "DATABASE_URL": "postgres://ramp:password@db.internal:5432/ramp",
        "REDIS_URL": "redis://redis.internal:6379/0",
    }
    missing = [name for name in examples if not getattr(settings, name)]
    if missing:
        wanted = "".join(f"\n  {name}={examples[name]}" for name in missing)
        raise CommandError(f"Not started: real service needs to be told its servers.{wanted}")
    if urlsplit(settings.REDIS_URL).scheme not in REDIS_SCHEMES:
        # Not the value itself, which may contain a password.
        raise CommandError(
            "Not started: REDIS_URL is no address of a Redis server. Write it like "
            f"{examples['REDIS_URL']}"
        )
