"""With LOG_FORMAT=json, `manage.py serve` …"""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.services.process import programs, within
from tests.services.server import ROOT, Server

Line = dict[str, Any]


@pytest.fixture(scope="module")
def service(start_server: StartServer) -> Server:
    """A Ramp as in production that was visited, reloaded, and lost its programs once."""
    server = start_server("postgresql", "serve", SECRET_KEY="a key of the tests", LOG_FORMAT="json")
    visit(server, "/nowhere/")
    visit(server, "/sign-in/", b"username=a&password=b")
    visit(server, "/scim/v2/Users")
    before = programs(server)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    within(60, lambda: programs(server).keys() == before.keys() and server.is_ready())
    killed = programs(server)["worker"]
    server.process.send_signal(signal.SIGHUP)
    within(60, lambda: programs(server).get("worker") not in (None, killed) and server.is_ready())
    return server


def visit(server: Server, path: str, body: bytes | None = None) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}{path}", body, timeout=30)
    refused.value.close()


def lines(server: Server) -> list[Line]:
    """Return the lines that the programs have written to stdout and stderr."""
    found = []
    for line in server.log.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            pytest.fail(f"Not JSON: {line}")
    return found


def test_writes_each_line_as_one_object_with_time_and_level(service: Server) -> None:
    for line in lines(service):
        assert {"event", "level", "logger", "timestamp"} <= line.keys(), line


def test_logs_the_migrations_and_the_start(service: Server) -> None:
    values = [line["event"] for line in lines(service)]

    assert "No migrations to apply." in values
    assert any(event.startswith("Ramp ") and "runs web, worker, beat" in event for event in values)


def test_adds_the_request_id_to_every_line_of_a_page(service: Server) -> None:
    of_pages = [line for line in lines(service) if line["logger"].startswith("django.")]

    events = {line["event"] for line in of_pages}
    assert "Not Found: /nowhere/" in events
    assert any("/sign-in/" in event for event in events)
    for line in of_pages:
        assert line.get("request_id"), line


def test_logs_what_ends_and_starts_again(service: Server) -> None:
    text = " ".join(line["event"] for line in lines(service))

    for name in ("web", "worker", "beat"):
        assert f"{name} ended (-9)" in text
        assert f"{name} reloads." in text
    assert "Warm shutdown" in text


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"PORT": "abc"}, "PORT is “abc”"),
        ({"DATABASE_URL": ""}, "real service needs to be told its servers"),
        ({}, "the database cannot be used"),
    ],
    ids=str,
)
def test_says_why_it_does_not_start(setting: dict[str, str], reason: str) -> None:
    good = {
        "DATABASE_URL": "postgres://ramp@127.0.0.1:1/ramp",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "of the tests",
        "VAR_DIR": "/tmp",  # noqa: S108  nothing is written
    }
    refused = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", **good, **setting},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert refused.stdout == ""
    first, *_ = [json.loads(line) for line in refused.stderr.splitlines()]
    assert reason in first["event"]
    assert first["level"] == "error"
