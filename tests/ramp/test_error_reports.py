"""With SENTRY_DSN, an error …"""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.services.server import ROOT

# The settings begin the reports.
FAIL = """
import logging, structlog, django, sentry_sdk
django.setup()
structlog.contextvars.bind_contextvars(request_id="7f3c")
password = "correct horse"
try:
    raise ValueError("refused header Bearer s3cr3t-s3cr3t")
except ValueError:
    logging.getLogger("people").exception("%s could not be added", "Ada Lovelace")
sentry_sdk.flush(60)
"""
WITHOUT_PACKAGE = "import sys; sys.modules['sentry_sdk'] = None; import ramp.settings"


@dataclass
class Receiver:
    """A server that keeps the reports it receives."""

    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_packed = self.headers.get("Content-Encoding") == "gzip"
                bodies.append(gzip.decompress(body) if is_packed else body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.dsn = f"http://key@127.0.0.1:{self.server.server_port}/1"

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports. Each is a line of an envelope, after a line that names its type."""
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines() if line]
        return [line for line in lines if "exception" in line or "logentry" in line]

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.end()


def run(code: str, dsn: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "ramp.settings",
        "DATABASE_URL": "postgres://ramp@127.0.0.1:1/ramp",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a key of the tests",
        "SENTRY_DSN": dsn,
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_is_reported_with_its_request_and_without_personal_data(receiver: Receiver) -> None:
    done = run(FAIL, receiver.dsn)

    assert done.returncode == 0, done.stderr
    [report] = receiver.reports()
    assert report["release"].startswith("ramp@")
    assert report["tags"]["request_id"] == "7f3c"
    [error] = report["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "refused header Bearer ***")
    assert report["logentry"]["message"] == "%s could not be added"
    for text in ("Ada Lovelace", "correct horse", "s3cr3t"):
        assert text not in json.dumps(report)


def test_needs_the_package() -> None:
    refused = run(WITHOUT_PACKAGE, "http://key@127.0.0.1:1/1")

    assert refused.returncode == 1
    assert "Not started: SENTRY_DSN is set, but the package sentry-sdk" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
