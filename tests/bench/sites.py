"""What is measured: ours and the bare view, each on the same stack with a PostgreSQL of its own."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import psycopg

from ramp.processes import end_with_parent
from tests.bench import cpu
from tests.services.postgres_redis_smtp import (
    Postgres,
    Redis,
    Service,
    as_ramp,
    free_port,
    wait_until,
)

ROOT: Final = Path(__file__).resolve().parent.parent.parent
MIB: Final = 1 << 20
ROLE: Final = "ramp_app"
AnyService = TypeVar("AnyService", bound=Service)


@dataclass(frozen=True)
class Site:
    name: str
    base: str
    token: str
    web: int
    database: int

    @property
    def processes(self) -> list[tuple[str, int]]:
        return [("web", self.web), ("db", self.database)]

    def pss_mb(self) -> float:
        """Return the memory of the web processes that answer requests."""
        workers = [pid for pid in cpu.descendants(self.web) if cpu.is_worker(pid)]
        return sum(map(cpu.pss, workers)) / MIB


@contextmanager
def ours(name: str = "ours", *, role: str = "") -> Iterator[Site]:
    """Serve Ramp, as the owner of the tables or as a role that row-level security limits."""
    with ExitStack() as stack:
        postgres, redis = _started(Postgres(), stack), _started(Redis(), stack)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ramp-bench-")))
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(folder),
            "PORT": str(port),
            "DATABASE_URL": as_ramp(postgres.create("ramp")),
            "REDIS_URL": redis.url(),
            "SECRET_KEY": "of the benchmark",
            "SCIM_REQUESTS_PER_SECOND": "0",
        }
        _manage(environment, "migrate", "--verbosity", "0")
        if role:
            _limit(environment, postgres.url("ramp"), role)
            environment["DATABASE_URL"] = postgres.url("ramp").replace("//postgres@", f"//{role}@")
        result = _connected(environment)
        web = stack.enter_context(_granian("ramp.wsgi:application", port, environment, folder))
        yield Site(name, result["base_url"], result["token"], web, postgres.process.pid)


@contextmanager
def bare() -> Iterator[Site]:
    with ExitStack() as stack:
        postgres = _started(Postgres(), stack)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ramp-bench-")))
        port, url = free_port(), postgres.create("bare")
        with psycopg.connect(url) as connection:
            connection.execute((Path(__file__).parent / "bare.sql").read_bytes())
        environment = {"PATH": os.environ["PATH"], "BENCH_DATABASE": url}
        application = "tests.bench.bare:application"
        web = stack.enter_context(_granian(application, port, environment, folder))
        base = f"http://127.0.0.1:{port}/scim/v2"
        yield Site("bare", base, "", web, postgres.process.pid)


def _started(service: AnyService, stack: ExitStack) -> AnyService:
    stack.callback(service.stop)
    return service


def _limit(environment: Mapping[str, str], superuser_url: str, role: str) -> None:
    """Turn row-level security on, as docs/operating.md does."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    _manage(environment, "row_security", "--role", role)
    as_superuser = {**environment, "DATABASE_URL": superuser_url}
    _manage(as_superuser, "row_security", "--leakproof", "on")


def _connected(environment: Mapping[str, str]) -> dict[str, str]:
    """Make a tenant and its connection; return what connect_scim said."""
    owner = ("--owner-email", "owner@acme.example.com", "--owner-password", "correct horse")
    _manage(environment, "create_tenant", "acme", "--name", "Acme", *owner)
    connect = ("connect_scim", "acme", "--provider", "generic", "--incomplete", "hold")
    values: dict[str, str] = json.loads(_manage(environment, *connect))
    return values


@contextmanager
def _granian(
    application: str, port: int, environment: Mapping[str, str], folder: Path
) -> Iterator[int]:
    """Serve both alike: two processes, no worker beside them, and one thread each.

    Production has more threads, for those who wait; here nobody does.
    """
    log = folder / "granian.log"
    options = [
        *("--interface", "wsgi", "--http", "1", "--no-ws", "--blocking-threads", "1"),
        *("--workers", "2", "--port", str(port), "--log-level", "warning"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "granian", *options, application],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=output,
            preexec_fn=partial(end_with_parent, os.getpid()),
        )
    try:
        wait_until(partial(_answers, port), process, log)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _manage(environment: Mapping[str, str], *command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return ran.stdout
