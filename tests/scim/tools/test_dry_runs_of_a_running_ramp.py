"""The self-test and dry runs on a running Ramp, with its own worker and public address."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.clients.scim import ENT, RAMP, someone
from tests.services.db import Connected, connect
from tests.services.postgres_redis_smtp import wait_until
from tests.services.server import Server

# A visit itself changes the session and sometimes the last use of a token.
IGNORED_MODELS = ("sessions.session", "scim.token")


@pytest.fixture
def acme(server: Server) -> Connected:
    return connect(server, provider="okta")


@pytest.fixture
def visitor(server: Server, acme: Connected) -> Iterator[httpx.Client]:
    """Sign the owner in."""
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as visitor:
        owner = {"email": f"owner@{acme.tenant}.example.com", "password": "correct horse"}
        send(visitor, "/sign-in/", **owner)
        yield visitor


def send(visitor: httpx.Client, address: str, **data: str) -> str:
    visitor.get(address)
    token = visitor.cookies["csrftoken"]
    return visitor.post(address, data={"csrfmiddlewaretoken": token} | data).raise_for_status().text


def rows(server: Server) -> list[Any]:
    """Return every row of every table."""
    every = json.loads(server.manage("dumpdata", "--all"))
    for row in every:
        # Workers may still dispatch earlier events.
        row["fields"].pop("dispatched_at", None)
    return [row for row in every if row["model"] not in IGNORED_MODELS]


@pytest.mark.parametrize("provider", ["okta", "entra", "rippling"])
def test_self_test_passes(
    server: Server, visitor: httpx.Client, acme: Connected, provider: str
) -> None:
    address = f"/integrations/scim/{acme.connection}/self-test/"

    send(visitor, address, provider=provider)

    def has_ended() -> bool:
        return re.search(r"steps (passed|failed)", visitor.get(address).text) is not None

    wait_until(has_ended, server.process, server.log)
    assert "steps passed." in visitor.get(address).text


def test_dry_run_writes_no_row(server: Server, visitor: httpx.Client, acme: Connected) -> None:
    address = f"/integrations/scim/{acme.connection}/what-if/"
    visitor.get(address)
    before = rows(server)

    for person in (someone("grace"), someone("grace", **{RAMP: None}), someone("owner")):
        send(visitor, address, method="POST", path="/Users", body=json.dumps(person))
    send(visitor, address, method="POST", path="/Users", body=json.dumps({ENT: 1}))

    assert rows(server) == before
