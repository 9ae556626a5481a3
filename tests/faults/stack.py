"""Ramp as it runs in production, on a PostgreSQL, a Redis and a mail server that may break.

Everything is a process that the stack started itself, on a free port of this machine.
"""

import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import django
import psycopg

from tests.services.db import Connected, connect
from tests.services.manage import Manager
from tests.services.migrated import DATABASE, copy_postgres_data
from tests.services.postgres_redis_smtp import Postgres, Redis, Smtp
from tests.services.process import children, descendants, programs, within
from tests.services.server import Server

# A commit is in the kernel's hands when it is acknowledged, so a crash of PostgreSQL loses
# nothing that was acknowledged; only a power cut would.
CRASH_SAFE = {"fsync": "off", "full_page_writes": "off", "track_commit_timestamp": "on"}


def load_django(stack: "Stack") -> None:
    """Set Django up in this process with the stack's settings, to read its URLconf."""
    os.environ.update(
        stack.server.environment, DJANGO_SETTINGS_MODULE="ramp.settings", LOG_LEVEL="WARNING"
    )
    django.setup()


class Stack:
    """A running Ramp and its services; use it in a `with` statement."""

    def __init__(self, *, role: str = "", **settings: str) -> None:
        """Start everything; the settings are environment variables of Ramp.

        :param role: connect as this role, which row-level security limits, and not as a superuser.
        """
        self._temporary = tempfile.TemporaryDirectory(prefix="ramp-faults-")
        self.folder = Path(self._temporary.name)
        self.postgres = Postgres(CRASH_SAFE, create_data=copy_postgres_data)
        self.redis, self.smtp = Redis(), Smtp()
        self.database_url = self.postgres.create("ramp", template=DATABASE)
        self.server = Server(
            self.folder,
            self._limited_to(role) if role else self.database_url,
            self.redis.url(),
            settings={
                "SECRET_KEY": "of the fault tests",
                "EMAIL_URL": self.smtp.url,
                "SCIM_REQUESTS_PER_SECOND": "0",
                "API_REQUESTS_PER_MINUTE": "0",
                **settings,
            },
            command=("serve",),
        )
        within(60, lambda: len(programs(self.server)) == 3)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server.end()
        self.smtp.stop()
        for service in (self.redis, self.postgres):
            service.process.send_signal(signal.SIGCONT)
            service.stop()
        self._temporary.cleanup()

    def _limited_to(self, role: str) -> str:
        """Create the role, and return the URL with which it connects."""
        self.rows(f"CREATE ROLE {role} LOGIN")
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(self.folder / "owner")}
        owner = Manager({**environment, "DATABASE_URL": self.database_url})
        owner.run("migrate", "--verbosity", "0")
        owner.run("row_security", "--role", role)
        owner.end()
        return self.database_url.replace("postgres@", f"{role}@")

    def connect(self, *options: str, provider: str = "generic") -> Connected:
        """Open a tenant, and connect a provider to it."""
        return connect(self.server, *options, provider=provider)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return rows(self.database_url, sql, *values)

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row."""
        return self.rows(sql, *values)[0][0]

    def kill_program(self, name: str, *, whole: bool = True) -> bool:
        """Kill a program of the supervisor's (web, worker, beat), by default with its children.

        :returns: whether it was running.
        """
        pid = programs(self.server).get(name)
        if pid is None:
            return False
        for victim in [*(descendants(pid) if whole else []), pid]:
            send_signal(victim, signal.SIGKILL)
        return True

    def kill_child(self, name: str, number: int) -> bool:
        """Kill one child of a program, such as one web process; tell whether there was one."""
        return bool(self.signal_child(name, number, signal.SIGKILL))

    def signal_child(self, name: str, number: int, how: signal.Signals) -> list[int]:
        """Send the signal to one child of a program; return its process number, if there is one."""
        found = self.children_of(name)
        if not found:
            return []
        victim = found[number % len(found)]
        return [victim] if send_signal(victim, how) else []

    def children_of(self, name: str) -> list[int]:
        """Return the child processes of a program, such as the web processes."""
        return children_of(self.server, name)

    def signal_program(self, name: str, how: signal.Signals) -> list[int]:
        """Send the signal to a program and to all its children; return their numbers."""
        pid = programs(self.server)[name]
        return [one for one in (pid, *descendants(pid)) if send_signal(one, how)]


def rows(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a query in the database, and return its rows."""
    with psycopg.connect(url, autocommit=True) as database:
        answer = database.execute(sql.encode(), values)
        return answer.fetchall() if answer.description else []


def children_of(server: Server, name: str) -> list[int]:
    """Return the child processes of a program of the server, such as the web processes."""
    pid = programs(server).get(name)
    return [child for child in (children(pid) if pid else []) if not _is_tracker(child)]


def send_signal(pid: int, how: signal.Signals) -> bool:
    """Send the signal, and tell whether the process was there."""
    with suppress(ProcessLookupError):
        os.kill(pid, how)
        return True
    return False


def _is_tracker(pid: int) -> bool:
    """Tell whether the process only cleans up after Python's multiprocessing."""
    with suppress(OSError):
        return "resource_tracker" in Path(f"/proc/{pid}/cmdline").read_text()
    return True
