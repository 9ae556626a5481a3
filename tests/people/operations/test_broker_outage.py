"""Changes of people while the broker is down or does not respond.

These tests use real processes: one that changes people, a Celery worker, PostgreSQL, and a Redis
that is stopped and continued with signals.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from people import tenancy
from people.models import Event, Tenant
from ramp.processes import end_with_parent
from tests.services.postgres_redis_smtp import Redis, free_port
from tests.services.server import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = (
    *("-m", "celery", "--app", "ramp", "worker", "--pool", "solo", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
AT_MOST = 0.3


class Company:
    """A tenant, and the processes that work for it."""

    def __init__(self, tenant: Tenant, redis_url: str, folder: Path) -> None:
        database = connection.settings_dict
        self.environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "ramp.settings",
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{database['PORT']}/{database['NAME']}",
            "REDIS_URL": redis_url,
            "VAR_DIR": str(folder),
        }
        self.log = (folder / "log").open("ab")
        self.processes: list[subprocess.Popen[str]] = []
        self.process = self.start("-m", "tests.support.add_person_process", str(tenant.pk))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            preexec_fn=partial(end_with_parent, os.getpid()),
        )
        self.processes.append(process)
        return process

    def change_something(self) -> float:
        """Add a person in the process; return how many seconds that took."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        return float(self.process.stdout.readline())

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        self.log.close()


@pytest.fixture
def broker() -> Iterator[Redis]:
    redis = Redis()
    yield redis
    redis.process.send_signal(signal.SIGCONT)
    redis.stop()


@pytest.fixture
def company(tenant: Tenant, broker: Redis, tmp_path: Path) -> Iterator[Company]:
    company = Company(tenant, broker.url(), tmp_path)
    yield company
    company.end()


@pytest.fixture
def isolated(tenant: Tenant, tmp_path: Path) -> Iterator[Company]:
    """A company whose broker does not run."""
    company = Company(tenant, f"redis://127.0.0.1:{free_port()}/0", tmp_path)
    yield company
    company.end()


def pending() -> int:
    with tenancy.across_tenants():
        return Event.objects.pending().count()


def await_delivery(seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while pending():
        assert time.monotonic() < deadline, f"{pending()} events were not delivered"
        time.sleep(0.05)


def test_change_is_delivered_by_the_worker_while_the_broker_runs(company: Company) -> None:
    company.start(*WORKER)

    company.change_something()

    await_delivery()


def test_changes_are_fast_and_delivered_later_without_a_broker(isolated: Company) -> None:
    took = [isolated.change_something() for _ in range(5)]

    assert max(took) < AT_MOST
    assert pending() == 5
    call_command("run_due")
    assert pending() == 0


def test_changes_are_fast_and_delivered_later_while_the_broker_is_frozen(
    company: Company, broker: Redis
) -> None:
    company.start(*WORKER)
    company.change_something()
    await_delivery()

    broker.process.send_signal(signal.SIGSTOP)
    took = [company.change_something() for _ in range(5)]
    assert max(took) < AT_MOST
    assert pending() == 5

    broker.process.send_signal(signal.SIGCONT)
    company.change_something()
    await_delivery()


def test_process_can_exit_without_a_broker(isolated: Company) -> None:
    isolated.change_something()

    isolated.process.communicate(timeout=10)

    assert isolated.process.returncode == 0
