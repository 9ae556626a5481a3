"""The programs that `manage.py demo` and `serve` run, watched from outside."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from tests.conftest import StartServer
from tests.services.process import descendants, is_running, programs, within
from tests.services.server import ROOT, Server

OWNER = ("--owner-email", "owner@acme.example.com", "--owner-password", "correct horse")
# Only a worker hands events on, and says when.
TOLD = (
    "SELECT count(*) FROM people_event WHERE kind = 'person.added' AND dispatched_at > happened_at"
)
# Enough to be read by a view, which then waits for the rest.
HALF_A_SIGN_IN = (
    b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nusername=a"
)


def has_told_subscribers(ramp: Server) -> bool:
    with psycopg.connect(ramp.database_url) as database:
        return database.execute(TOLD).fetchone() == (1,)


@pytest.fixture
def ramp(start_server: StartServer) -> Iterator[Server]:
    """A Ramp that the test may break."""
    server = start_server("sqlite")
    within(60, lambda: len(descendants(server.process.pid)) == 7)
    yield server
    server.end()


@pytest.fixture(scope="module")
def service(start_server: StartServer) -> Server:
    """A Ramp as in production; the tests leave it running."""
    return start_server("postgresql", "serve", SECRET_KEY="a key of the tests")


def test_a_program_that_dies_is_started_again(ramp: Server) -> None:
    before = programs(ramp)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    within(60, lambda: programs(ramp).keys() == before.keys() and ramp.is_ready())
    assert programs(ramp) != before


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process(ramp: Server, ending: signal.Signals) -> None:
    family = descendants(ramp.process.pid)

    ramp.process.send_signal(ending)

    assert ramp.process.wait(60) == 0
    assert not any(is_running(pid) for pid in family)


def test_nothing_survives_a_supervisor_that_is_killed(ramp: Server) -> None:
    family = descendants(ramp.process.pid)

    ramp.process.kill()

    within(60, lambda: not any(is_running(pid) for pid in family))


def test_a_port_in_use_is_told_before_anything_starts(server: Server) -> None:
    with pytest.raises(RuntimeError) as refusal:
        server.manage("demo", "--empty")

    assert f"Port {server.port} is in use" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)


def test_begins_with_an_empty_database(start_server: StartServer) -> None:
    ramp = start_server("sqlite", is_migrated=False)

    ramp.manage("create_tenant", "acme", "--name", "Acme", *OWNER)


class TestRealService:
    def test_is_refused_without_its_servers(self, tmp_path: Path) -> None:
        refused = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env={"VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert refused.returncode == 1
        assert "DATABASE_URL=postgres://" in refused.stderr
        assert "REDIS_URL=redis://" in refused.stderr

    def test_is_refused_if_nothing_is_to_run(self) -> None:
        refused = subprocess.run(
            [sys.executable, "manage.py", "serve", "--web=0", "--worker=0", "--beat=0"],
            cwd=ROOT,
            env={},
            capture_output=True,
            text=True,
            check=False,
        )

        assert refused.returncode == 1
        assert "--web, --worker and --beat are all 0" in refused.stderr

    def test_runs_only_the_parts_that_the_machine_is_for(
        self, start_server: StartServer, tmp_path: Path
    ) -> None:
        key = {"SECRET_KEY": "a key of the tests"}
        web = start_server("postgresql", "serve", "--web=1", "--worker=0", "--beat=0", **key)
        assert sorted(programs(web)) == ["web"]
        web.manage("create_tenant", "acme", "--name", "Acme", *OWNER)

        others = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--web=0", "--worker=1", "--migrate=0"],
            cwd=ROOT,
            env=web.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert others.stdout
        with closing(others.stdout) as lines:
            # On the port that the first one listens on: it is not asked for.
            assert "runs worker, beat, and is known" in next(lines)
            within(60, lambda: has_told_subscribers(web))
            others.terminate()
            others.wait(30)

    def test_makes_itself_a_key_and_says_so(self, start_server: StartServer) -> None:
        server = start_server("postgresql", "serve", is_migrated=False)

        assert "Set SECRET_KEY" in server.log.read_text()

    def test_has_workers_and_one_beat(self, service: Server) -> None:
        began = programs(service)
        assert sorted(began) == ["beat", "web", "worker"]
        service.manage("create_tenant", "acme", "--name", "Acme", *OWNER)
        within(60, lambda: has_told_subscribers(service))
        assert programs(service) == began, service.log.read_text()
        assert not (service.folder / "var").exists()

    def test_answers_while_others_have_not_finished_asking(self, service: Server) -> None:
        with ExitStack() as stack:
            for _ in range(6):
                stalled = socket.create_connection(("127.0.0.1", service.port))
                stack.enter_context(stalled).sendall(HALF_A_SIGN_IN)

            assert all(service.is_ready() for _ in range(10))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/scim/v2/Users", id="refused-token"),
        pytest.param("GET", "/sign-in/", id="page"),
        pytest.param("POST", "/no-such-page/", id="unknown-address"),
    ],
)
def test_a_body_that_nothing_reads_does_not_end_the_connection(
    server: Server, method: str, path: str
) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.connect()
        connection.auto_open = 0

        for _ in range(4):
            connection.request(method, path, body=b"x" * 1_000_000)
            with connection.getresponse() as answer:
                answer.read()
