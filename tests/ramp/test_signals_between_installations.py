"""Signals from one Ramp installation to another.

Each is an installation of its own, with web processes, a worker and beat. Both companies sign
people in through the same OpenID provider, so a subject names the same person at both.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests.conftest import StartServer
from tests.faults.visitor import Visitor
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.services.process import within
from tests.services.server import Server

PASSWORD = "correct horse battery"
API_TOKEN = re.compile(r"ramp_api_\w+")
PERSON = re.compile(r"/people/[0-9a-f-]{36}/")
STREAM = re.compile(r"/signal-streams/[0-9a-f-]{36}/")
VERIFIED = "The stream is verified."


class Company:
    """A company at one installation, with its owner signed in, and its sign-in provider."""

    def __init__(self, server: Server, slug: str, openid: OpenIdProvider, folder: Path) -> None:
        self.server, self.openid = server, openid
        self.issuer = f"{server.url}/signals/{slug}"
        email = f"owner@{slug}.example.com"
        owner = ("--owner-email", email, "--owner-password", PASSWORD)
        server.manage("create_tenant", slug, "--name", slug, *owner)
        definition = folder / f"{slug}.json"
        values = {"kind": "oidc", "name": "Corp", "issuer": openid.url, "client_id": CLIENT_ID}
        definition.write_text(json.dumps(values | {"client_secret": CLIENT_SECRET}))
        added = server.manage("add_identity_provider", slug, "--file", str(definition))
        provider = json.loads(added)["id"]
        self.sign_in_url = f"/sign-in/{slug}/{provider}/"
        self.shared_signals = f"/tenants/{slug}/auth-providers/{provider}/signals/"
        self.owner = Visitor(server.url)
        self.owner.sign_in(slug, email, PASSWORD)
        self._later = timedelta()

    def sign_in(self, name: str) -> Visitor:
        """Sign a person in through the provider, in a new browser."""
        email = f"{name}@corp.example.com"
        self.openid.user = {"sub": name, "email": email, "email_verified": True, "name": name}
        visitor = Visitor(self.server.url)
        back = self.openid.authorize(visitor.get(self.sign_in_url).headers["Location"])
        visitor.get(back)
        assert is_in(visitor)
        return visitor

    def send(self, address: str, **values: Any) -> str:
        """Send a form as the owner, and return the page that follows."""
        answer = self.owner.post(address, values)
        assert answer.status_code == 302, answer.text
        return self.owner.get(answer.headers["Location"]).text

    def deactivate(self, name: str) -> None:
        [person] = {*PERSON.findall(self.owner.get(f"/people/?q={name}@").text)}
        self.send(f"{person}deactivate/", reason="Left")

    def stream(self) -> str:
        """Return the address of the only stream that this company sends."""
        [stream] = {*STREAM.findall(self.owner.get("/signal-streams/").text)}
        return str(stream)

    def run_due(self, **later: int) -> None:
        """Run due jobs, this much later than at the last call."""
        self._later += timedelta(**later)
        self.server.manage("run_due", "--as-of", (timezone.now() + self._later).isoformat())


@pytest.fixture(scope="module")
def openid() -> Iterator[OpenIdProvider]:
    openid = OpenIdProvider()
    yield openid
    openid.stop()


@pytest.fixture(scope="module", params=["push", "poll"])
def delivery(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def servers(start_server: StartServer) -> tuple[Server, Server]:
    return start_server("postgresql", "serve"), start_server("postgresql", "serve")


@pytest.fixture(scope="module")
def sender(
    servers: tuple[Server, Server], delivery: str, openid: OpenIdProvider, tmp_path_factory: Any
) -> Iterator[Company]:
    company = Company(servers[0], f"{delivery}-from", openid, tmp_path_factory.mktemp("from"))
    yield company
    company.owner.close()


@pytest.fixture(scope="module")
def receiver(
    servers: tuple[Server, Server],
    delivery: str,
    openid: OpenIdProvider,
    sender: Company,
    tmp_path_factory: Any,
) -> Iterator[Company]:
    """Set up the stream on the page, with an API token of the sender."""
    company = Company(servers[1], f"{delivery}-to", openid, tmp_path_factory.mktemp("to"))
    form = {"name": "Signals", "scopes": "signals:manage", "days": "30"}
    [token] = API_TOKEN.findall(sender.owner.post("/api-tokens/", form).text)
    values = {"issuer": sender.issuer, "token": token, "delivery": delivery}
    company.send(company.shared_signals, **values)
    yield company
    company.owner.close()


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/home/").status_code == 200


def arrives(receiver: Company, holds: Callable[[], bool]) -> bool:
    """Return whether the condition holds, if necessary after running the due jobs."""
    if holds():
        return True
    receiver.run_due(minutes=2)
    return holds()


def check_signed_out_at_receiver(sender: Company, receiver: Company, name: str) -> None:
    """Sign a person in at both, deactivate them at the sender, and wait for the sign-out."""
    with closing(sender.sign_in(name)), closing(receiver.sign_in(name)) as visitor:
        sender.deactivate(name)

        within(30, lambda: arrives(receiver, lambda: not is_in(visitor)))


def test_stream_is_verified(sender: Company, receiver: Company) -> None:
    def is_verified() -> bool:
        return VERIFIED in receiver.owner.get(receiver.shared_signals).text

    within(30, lambda: arrives(receiver, is_verified))
    assert "Delivered" in sender.owner.get(sender.stream()).text


def test_deactivated_person_is_signed_out_at_the_receiver(
    sender: Company, receiver: Company
) -> None:
    check_signed_out_at_receiver(sender, receiver, "ada")


def test_new_signing_key_is_accepted(sender: Company, receiver: Company) -> None:
    check_signed_out_at_receiver(sender, receiver, "bob")
    sender.send("/signal-streams/new-key/")

    check_signed_out_at_receiver(sender, receiver, "cleo")


def test_deleted_stream_is_created_again(sender: Company, receiver: Company) -> None:
    deleted = sender.stream()
    sender.send(f"{deleted}delete/")
    receiver.run_due(hours=2)

    assert sender.stream() != deleted
    check_signed_out_at_receiver(sender, receiver, "dora")
