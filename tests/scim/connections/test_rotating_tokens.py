"""Replacing and revoking the tokens of a connection, and recording their use."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Person
from people.tokens import token_digest
from scim.api import token_usage
from scim.models import Token
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.services import db
from tests.services.server import Server
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_unsaved_uses() -> Iterator[None]:
    """Remove the uses of tokens that other tests left in memory."""
    token_usage._unsaved.clear()
    yield
    token_usage._unsaved.clear()


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def tokens_page(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/tokens/"


def revoke_page(token: Token) -> str:
    return f"/integrations/scim/{token.connection_id}/tokens/{token.pk}/revoke/"


def token_in(response: Any) -> str:
    """Return the token that the page shows."""
    [token] = re.findall(r'id="token"[^>]* value="([^"]+)"', response.content.decode())
    return str(token)


class TestRotation:
    def test_both_tokens_work_until_the_first_one_is_revoked(
        self, client: Client, scim: Provider
    ) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()

        second = token_in(client.post(tokens_page(scim)))
        assert "Never used" in text_of(client.get(tokens_page(scim)))

        for token in (scim.token, second):
            assert scim("GET", "/Users", Authorization=f"Bearer {token}").status == 200
        token_usage.save_uses()
        assert "Never used" not in text_of(client.get(tokens_page(scim)))

        client.post(revoke_page(first))
        assert scim("GET", "/Users").status == 401
        assert scim("GET", "/Users", Authorization=f"Bearer {second}").status == 200

    def test_page_marks_the_next_step(self, client: Client, scim: Provider) -> None:
        def step() -> str:
            return text_of(client.get(tokens_page(scim))).partition('aria-current="step">')[2][:20]

        assert step().startswith("Add a second token")
        scim.token = token_in(client.post(tokens_page(scim)))
        assert step().startswith("Enter it in Okta")
        scim("GET", "/Users")
        token_usage.save_uses()
        assert step().startswith("Revoke the first")


class TestAddingToken:
    def test_token_is_shown_once_and_stored_as_digest(self, client: Client, scim: Provider) -> None:
        response = client.post(tokens_page(scim))

        token = token_in(response)
        assert Token.objects.filter(digest=token_digest(token)).exists()
        assert "no-store" in response.headers["Cache-Control"]
        assert token not in text_of(client.get(tokens_page(scim)))
        assert not Event.objects.filter(facts__icontains=token).exists()

    def test_token_is_audited_with_its_creator(self, client: Client, scim: Provider) -> None:
        token = token_in(client.post(tokens_page(scim)))

        event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
        assert event.actor == "person:owner@example.com"
        assert event.facts["what"] == "token added"
        assert event.facts["hint"] == token[-4:]

    def test_third_token_is_refused(self, client: Client, scim: Provider) -> None:
        client.post(tokens_page(scim))

        page = text_of(client.post(tokens_page(scim)))

        assert "already has two active tokens. Revoke one" in page
        assert 'id="token"' not in page
        assert Token.objects.count() == 2

    def test_get_request_creates_no_token(self, client: Client, scim: Provider) -> None:
        client.get(tokens_page(scim))

        assert Token.objects.count() == 1

    def test_disconnected_connection_gets_no_token(self, client: Client, connect: Connect) -> None:
        ended = connect(disconnected_at=timezone.now())

        page = text_of(client.post(tokens_page(ended)))

        assert "Okta is disconnected, so no token can be added." in page
        assert Token.objects.count() == 1


class TestRevokingToken:
    def test_only_token_in_use_needs_the_provider_name(
        self, client: Client, scim: Provider
    ) -> None:
        token = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()

        for name in ("", "Entra", "okta please"):
            page = text_of(client.post(revoke_page(token), {"name": name}))
            assert "This is the only token in use" in page
            assert scim("GET", "/Users").status == 200

        client.post(revoke_page(token), {"name": " okta "})
        assert scim("GET", "/Users").status == 401

    def test_name_is_not_needed_if_another_token_is_in_use(
        self, client: Client, scim: Provider
    ) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        scim.token = token_in(client.post(tokens_page(scim)))
        scim("GET", "/Users")
        token_usage.save_uses()

        client.post(revoke_page(first))

        assert Token.objects.get(pk=first.pk).revoked_at

    def test_name_is_needed_until_the_other_token_is_used(
        self, client: Client, scim: Provider
    ) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()
        client.post(tokens_page(scim))

        client.post(revoke_page(first))

        assert not Token.objects.get(pk=first.pk).revoked_at

    def test_name_is_not_needed_for_a_token_unused_for_a_week(
        self, client: Client, scim: Provider
    ) -> None:
        Token.objects.update(last_used_at=timezone.now() - timedelta(days=8))

        client.post(revoke_page(Token.objects.get()))

        assert Token.objects.get().revoked_at

    def test_confirmation_is_required(self, client: Client, scim: Provider) -> None:
        page = text_of(client.get(revoke_page(Token.objects.get())))

        assert "It has never been used." in page
        assert not Token.objects.get().revoked_at

    def test_second_revocation_is_not_found(self, client: Client, scim: Provider) -> None:
        token = Token.objects.get()
        client.post(revoke_page(token))

        assert client.post(revoke_page(token)).status_code == 404
        assert Event.objects.filter(facts__what="token revoked").count() == 1

    def test_token_of_another_connection_is_not_found(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        entra = connect("entra")
        token = Token.objects.get(connection=entra.connection)

        address = f"{tokens_page(scim)}{token.pk}/revoke/"

        assert client.post(address).status_code == 404
        assert not Token.objects.get(pk=token.pk).revoked_at


class TestLastUse:
    def test_time_ip_address_and_user_agent_are_recorded(
        self, client: Client, scim: Provider
    ) -> None:
        before = timezone.now()
        scim("GET", "/Users", User_Agent="Okta SCIM 4.2")

        assert token_usage.save_uses() == 1

        token = Token.objects.get()
        assert token.last_used_at
        assert before < token.last_used_at < timezone.now()
        assert token.last_ip == "127.0.0.1"
        assert "Okta SCIM 4.2, from 127.0.0.1" in text_of(client.get(tokens_page(scim)))

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/Users", None),
            ("GET", "/Users/x", None),
            ("POST", "/Users", someone()),
            ("POST", "/Users", {"userName": "incomplete"}),
            ("DELETE", "/Users/x", None),
            ("POST", "/Users/.search", {"count": 1}),
        ],
    )
    def test_every_request_counts_as_use(
        self, scim: Provider, method: str, path: str, body: Any
    ) -> None:
        scim(method, path, body)
        token_usage.save_uses()

        assert Token.objects.get().last_used_at

    def test_recording_needs_no_query_during_the_request(
        self, scim: Provider, django_assert_num_queries: Any
    ) -> None:
        scim_id = scim.add()

        with django_assert_num_queries(1):
            scim("GET", f"/Users/{scim_id}")

    def test_many_uses_are_saved_by_one_statement(
        self, scim: Provider, django_assert_num_queries: Any
    ) -> None:
        for _ in range(20):
            scim("GET", "/Users")

        with django_assert_num_queries(2):
            assert token_usage.save_uses() == 1
        assert token_usage.save_uses() == 0

    def test_newer_use_is_not_overwritten(self, scim: Provider) -> None:
        scim("GET", "/Users", User_Agent="old")
        later = timezone.now() + timedelta(minutes=1)
        Token.objects.update(last_used_at=later, last_user_agent="new")

        token_usage.save_uses()

        assert Token.objects.get().last_user_agent == "new"

    def test_use_of_invalid_tokens_is_not_saved(self, scim: Provider) -> None:
        Token.objects.update(revoked_at=timezone.now())
        scim("GET", "/Users")
        scim("GET", "/Users", Authorization="Bearer wrong")

        assert token_usage.save_uses() == 0
        assert Token.objects.get().last_used_at is None

    def test_number_of_unsaved_uses_is_limited(
        self, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(token_usage, "MAX_UNSAVED", 5)
        for number in range(10):
            scim("GET", "/Users", Authorization=f"Bearer wrong-{number}")

        assert len(token_usage._unsaved) == 5

    def test_uses_are_kept_in_memory_if_saving_fails(
        self, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scim("GET", "/Users")
        with monkeypatch.context() as broken:
            broken.setattr(token_usage, "_save_use", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                token_usage.save_uses()

        assert token_usage.save_uses() == 1

    def test_long_user_agent_is_truncated(self, scim: Provider) -> None:
        scim("GET", "/Users", User_Agent="x\0" * 1000)

        token_usage.save_uses()

        assert len(Token.objects.get().last_user_agent) == 300


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [4], indirect=True, ids=["four"])
def test_four_simultaneous_requests_create_no_third_token(
    owner: Person, scim: Provider, racers: Racers
) -> None:
    def add() -> str:
        return text_of(signed_in(owner).post(tokens_page(scim)))

    pages = racers(add, add, add, add)

    assert sum('id="token"' in page for page in pages) == 1
    assert Token.objects.filter(revoked_at=None).count() == 2


def test_query_count_does_not_grow_with_revoked_tokens(client: Client, scim: Provider) -> None:
    few = len(queries_of(client, tokens_page(scim)))
    for number in range(60):
        scim.connection.tokens.create(
            tenant_id=scim.connection.tenant_id,
            digest=f"{number:064}",
            hint="abcd",
            revoked_at=timezone.now(),
        )

    assert len(queries_of(client, tokens_page(scim))) == few
    assert few <= 8


def test_running_server_saves_uses_periodically(server: Server) -> None:
    connected = db.connect(server)
    headers = {"Authorization": f"Bearer {connected.token}"}
    request = Request(f"{connected.base}/Users", headers=headers)
    with urlopen(request, timeout=60) as answer:
        assert answer.status == 200

    asking = f"""
from people import tenancy
from scim.models import Token
with tenancy.across_tenants():
    print(Token.objects.get(connection="{connected.connection}").last_ip)
"""
    deadline = time.monotonic() + 30
    while (result := server.manage("shell", "-c", asking)) and "127.0.0.1" not in result:
        assert time.monotonic() < deadline, result


class TestAccess:
    def test_employees_are_redirected(self, scim: Provider) -> None:
        token = Token.objects.get()
        client = signed_in(core.person())

        for address in (tokens_page(scim), revoke_page(token)):
            for response in (client.get(address), client.post(address)):
                assert response.headers["Location"].startswith("/sign-in/")
        assert Token.objects.count() == 1

    def test_tokens_of_another_company_are_not_found(self, scim: Provider) -> None:
        token = Token.objects.get()
        with core.in_another_tenant():
            client = signed_in(core.owner())

        for address in (tokens_page(scim), revoke_page(token)):
            assert client.get(address).status_code == 404
            assert client.post(address).status_code == 404
        assert Token.objects.count() == 1
