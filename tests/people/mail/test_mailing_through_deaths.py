"""Mail while the processes that send it are killed.

A provider creates many users over SCIM. The processes of the worker are killed while they send
the invites, and others continue. The mail server keys on the Message-ID.
"""

import json
import math
import os
import signal
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from people.mail.sending import LEASE
from tests.conftest import Size, StartServer
from tests.services.db import Connected, connect
from tests.services.postgres_redis_smtp import Smtp
from tests.services.process import descendants, programs, within
from tests.services.server import Server

A_BULK = 50
SENDERS = 2
DEATHS = 3
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def ramp(start_server: StartServer, smtp: Smtp) -> Iterator[Server]:
    smtp.pause = 0.005
    server = start_server(
        "postgresql",
        "serve",
        SECRET_KEY="a key of the tests",
        EMAIL_URL=smtp.url,
        WORKER_PROCESSES=str(SENDERS),
        SCIM_REQUESTS_PER_SECOND="0",
    )
    within(60, lambda: len(programs(server)) == 3)
    yield server
    server.end()


def newcomer(number: int) -> dict[str, Any]:
    email = f"newcomer-{number}@acme.example"
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": email,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": "Berlin"}],
        "active": True,
        ENTERPRISE: {"department": "Engineering"},
    }


def push(connected: Connected, numbers: range) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(number), "data": newcomer(number)}
        for number in numbers
    ]
    request = urllib.request.Request(
        f"{connected.base}/Bulk",
        json.dumps({"schemas": [BULK], "Operations": operations}).encode(),
        {
            "Authorization": f"Bearer {connected.token}",
            "Content-Type": "application/scim+json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = json.load(answer)["Operations"]
    assert {operation["status"] for operation in content} == {"201"}


def kill_worker(ramp: Server) -> None:
    worker = programs(ramp)["worker"]
    for pid in [*descendants(worker), worker]:
        os.kill(pid, signal.SIGKILL)


def count(ramp: Server, condition: str) -> int:
    with psycopg.connect(ramp.database_url) as database:
        [row] = database.execute(f"SELECT count(*) FROM people_mail WHERE {condition}")  # noqa: S608  our own conditions
    number: int = row[0]
    return number


def test_is_neither_lost_nor_sent_as_another(ramp: Server, smtp: Smtp, size: Size) -> None:
    people = size(300, full=1000)
    connected = connect(ramp, provider="okta")
    # The worker dies with mail left to send, however fast it is.
    smtp.limit = people // 2
    for first in range(0, people, A_BULK):
        push(connected, range(first, first + A_BULK))
        if first == people // 2:
            kill_worker(ramp)
    for death in range(1, DEATHS):
        smtp.limit = people * (death + 2) // 6
        within(120, lambda: len(smtp.ids) >= smtp.limit)
        assert count(ramp, "sent_at IS NULL")
        kill_worker(ramp)
    smtp.limit = math.inf

    # Long before the lease of a mail that was in a dead process's hands would end.
    within(LEASE.total_seconds() / 2, lambda: not count(ramp, "sent_at IS NULL"))

    assert count(ramp, "sent_at IS NOT NULL AND given_up_at IS NULL") == people
    assert len(smtp.ids) == people
    assert {mail.to for mail in smtp.received} == {
        f"newcomer-{number}@acme.example" for number in range(people)
    }
    # Each who died may have had one mail accepted without noting it.
    assert len(smtp.received) <= people + SENDERS * DEATHS
