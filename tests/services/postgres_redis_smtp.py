"""Real servers for tests: plain processes of ours, each in a private folder on a free port.

They work as root (PostgreSQL then runs as the user postgres) and as anybody else, end with
the process that started them, and are never skipped: a program that is missing is an error.
"""

import asyncio
import atexit
import fcntl
import logging
import math
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from aiosmtpd.controller import Controller

from ramp.processes import end_with_parent

POSTGRES = "/usr/lib/postgresql/*/bin"
# Nothing of these databases needs to outlive a power cut.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


# A role that owns the tables as a member of their owner, without being a superuser as that one is:
# `serve` refuses those.
RAMP = "ramp_server"


class MissingProgramError(RuntimeError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed: run `make setup`, as root or with sudo.")


def program(name: str, *, folders: str = "") -> str:
    """Return where a program is, preferring the newest of the folders that match."""
    found = sorted(Path("/").glob(f"{folders}/{name}".lstrip("/"))) if folders else []
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise MissingProgramError(name)
    return path


def chromium() -> str:
    return program("chromium")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that installs something there."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, *, seconds: float = 30
) -> None:
    """Wait for a process to become ready; if it cannot, raise what it said."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.03)


class Service:
    end_signal = signal.SIGTERM
    # What makes it die without tidying up.
    kill_signal = signal.SIGKILL

    def __init__(self) -> None:
        kind = type(self).__name__.lower()
        self.folder = Path(tempfile.mkdtemp(prefix=f"ramp-{kind}-"))
        self.log = self.folder / "log"
        self.port = free_port()
        atexit.register(self.stop)

    def run(self, *command: str, **options: Any) -> None:
        self.command, self.options = command, options
        self.restart()

    def restart(self) -> None:
        """Start the server, on its port and with its data, when it does not run."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(end_with_parent, os.getpid(), by=self.end_signal),
                **self.options,
            )
        wait_until(self.is_ready, self.process, self.log)

    def kill(self) -> None:
        """Crash the server; `restart` brings it back."""
        self.process.send_signal(self.kill_signal)
        self.process.wait()

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
        except OSError:
            return False
        return True

    def shut_down(self) -> None:
        """End the server; its files stay."""
        if self.process.poll() is None:
            self.process.send_signal(self.end_signal)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        self.shut_down()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Service):
    # A fast shutdown; SIGTERM would wait for every client to leave.
    end_signal = signal.SIGINT
    # An immediate one: no checkpoint, every client is cut off, and the next start recovers.
    kill_signal = signal.SIGQUIT

    def __init__(
        self,
        settings: Mapping[str, str] = HASTY,
        environment: Mapping[str, str] | None = None,
        *,
        create_data: Callable[[Path], None] | None = None,
    ) -> None:
        """Start a server.

        :param environment: added to our own, for the server only.
        :param create_data: creates the data directory, instead of `initdb`.
        """
        super().__init__()
        self.data = self.folder / "data"
        options = as_postgres(self.folder)
        if create_data:
            create_data(self.data)
        else:
            initdb = program("initdb", folders=POSTGRES)
            how = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
            arguments = [initdb, "-D", str(self.data), *how, "--no-sync"]
            subprocess.run(arguments, check=True, capture_output=True, **options)
        values = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **settings,
        }
        fields = {**os.environ, **(environment or {})}
        command = (program("postgres", folders=POSTGRES), "-D", str(self.data))
        given = [f"--{name}={value}" for name, value in values.items()]
        self.run(*command, *given, env=fields, **options)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            # Copied data may have it already. A restored server has it, and accepts no writes yet.
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [RAMP]).rowcount:
                connection.execute(f"CREATE ROLE {RAMP} LOGIN IN ROLE postgres")

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """Make a database, as a copy of the template, and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return self.url(database)

    def dump_and_restore(self, source: str, copy: str) -> str:
        """Restore a dump of the database into another one, as docs/operating.md says."""
        target = self.create(copy)
        dump, restore = (program(name, folders=POSTGRES) for name in ("pg_dump", "pg_restore"))
        file = self.folder / f"{copy}.dump"
        subprocess.run([dump, "--format=custom", f"--file={file}", source], check=True)
        subprocess.run([restore, "--no-owner", f"--dbname={target}", str(file)], check=True)
        return target


class Redis(Service):
    def __init__(self) -> None:
        super().__init__()
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "")
        self.run(program("redis-server"), *options, "--dir", str(self.folder))

    def url(self, database: int = 0) -> str:
        """Return the address of one of its 16 databases: workers of one take no other's jobs."""
        return f"redis://127.0.0.1:{self.port}/{database % 16}"


@dataclass(frozen=True)
class Received:
    """A mail, and what the envelope said."""

    message: EmailMessage
    sender: str
    to: str


class Smtp:
    """A mail server that delivers nothing; it accepts everything, unless told otherwise."""

    def __init__(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.controller.start()
        self.port = int(self.controller.port)
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.empty()

    def empty(self) -> None:
        self.received: list[Received] = []
        # What to answer about these recipients, such as "550 No such user".
        self.refusals: dict[str, str] = {}
        # What to answer to every mail's text, if not that it is accepted.
        self.verdict = ""
        # How long, in seconds, it takes to accept a mail.
        self.pause = 0.0
        # How many mails it accepts before it keeps the others waiting, if not all.
        self.limit: float = math.inf
        # How many of the next mails end the connection instead of being answered.
        self.drops = 0

    @property
    def ids(self) -> set[str]:
        return {str(mail.message["Message-ID"]) for mail in self.received}

    def to(self, address: str) -> list[EmailMessage]:
        return [mail.message for mail in self.received if mail.to == address]

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: Any, _: Any, envelope: Any, address: str, __: Any
    ) -> str:
        if self.drops:
            self.drops -= 1
            server.transport.abort()
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802  as above
        if self.verdict:
            return self.verdict
        await asyncio.sleep(self.pause)
        while len(self.ids) >= self.limit:
            await asyncio.sleep(0.01)
        message = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default)
        for address in envelope.rcpt_tos:
            self.received.append(Received(message, envelope.mail_from, address))
        return "250 Accepted"

    def stop(self) -> None:
        self.controller.stop()


def as_ramp(database_url: str) -> str:
    """Return the URL with which Ramp connects, and not the tests."""
    return database_url.replace("//postgres@", f"//{RAMP}@")


def as_postgres(folder: Path) -> dict[str, Any]:
    """Say how to run PostgreSQL, which refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise MissingProgramError("postgresql") from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
