"""Replacing a token …"""

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
def nothing_noted() -> Iterator[None]:
    """Begin without what other tests have noted."""
    token_usage._unsaved.clear()
    yield
    token_usage._unsaved.clear()


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def page_of(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/tokens/"


def revocation_of(token: Token) -> str:
    return f"/integrations/scim/{token.connection_id}/tokens/{token.pk}/revoke/"


def shown_in(response: Any) -> str:
    """Return the token that the page shows."""
    [token] = re.findall(r'id="token"[^>]* value="([^"]+)"', response.content.decode())
    return str(token)


class TestWithoutAGap:
    """Replacing a token without a gap …"""

    def test_goes_from_the_second_token_over_its_first_use_to_the_end_of_the_first(
        self, client: Client, scim: Provider
    ) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()

        second = shown_in(client.post(page_of(scim)))
        assert "Never used" in text_of(client.get(page_of(scim)))

        for token in (scim.token, second):
            assert scim("GET", "/Users", Authorization=f"Bearer {token}").status == 200
        token_usage.save_uses()
        assert "Never used" not in text_of(client.get(page_of(scim)))

        client.post(revocation_of(first))
        assert scim("GET", "/Users").status == 401
        assert scim("GET", "/Users", Authorization=f"Bearer {second}").status == 200

    def test_says_at_each_step_which_one_is_next(self, client: Client, scim: Provider) -> None:
        def step() -> str:
            return text_of(client.get(page_of(scim))).partition('aria-current="step">')[2][:20]

        assert step().startswith("Add a second token")
        scim.token = shown_in(client.post(page_of(scim)))
        assert step().startswith("Enter it in Okta")
        scim("GET", "/Users")
        token_usage.save_uses()
        assert step().startswith("Revoke the first")


class TestAdding:
    """A new token …"""

    def test_is_shown_once_and_kept_by_nobody_on_the_way(
        self, client: Client, scim: Provider
    ) -> None:
        response = client.post(page_of(scim))

        token = shown_in(response)
        assert Token.objects.filter(digest=token_digest(token)).exists()
        assert "no-store" in response.headers["Cache-Control"]
        assert token not in text_of(client.get(page_of(scim)))
        assert not Event.objects.filter(facts__icontains=token).exists()

    def test_is_remembered_with_who_made_it(self, client: Client, scim: Provider) -> None:
        token = shown_in(client.post(page_of(scim)))

        event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
        assert event.actor == "person:owner@example.com"
        assert event.facts["what"] == "token added"
        assert event.facts["hint"] == token[-4:]

    def test_is_no_third_one(self, client: Client, scim: Provider) -> None:
        client.post(page_of(scim))

        page = text_of(client.post(page_of(scim)))

        assert "already has two active tokens. Revoke one" in page
        assert 'id="token"' not in page
        assert Token.objects.count() == 2

    def test_is_not_made_by_looking(self, client: Client, scim: Provider) -> None:
        client.get(page_of(scim))

        assert Token.objects.count() == 1

    def test_is_not_made_for_a_connection_that_has_ended(
        self, client: Client, connect: Connect
    ) -> None:
        ended = connect(disconnected_at=timezone.now())

        page = text_of(client.post(page_of(ended)))

        assert "Okta is disconnected, so no token can be added." in page
        assert Token.objects.count() == 1


class TestRevoking:
    """Revoking a token …"""

    def test_that_alone_is_in_use_takes_the_name_of_the_provider(
        self, client: Client, scim: Provider
    ) -> None:
        token = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()

        for name in ("", "Entra", "okta please"):
            page = text_of(client.post(revocation_of(token), {"name": name}))
            assert "This is the only token in use" in page
            assert scim("GET", "/Users").status == 200

        client.post(revocation_of(token), {"name": " okta "})
        assert scim("GET", "/Users").status == 401

    def test_needs_no_name_while_another_one_is_used(self, client: Client, scim: Provider) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        scim.token = shown_in(client.post(page_of(scim)))
        scim("GET", "/Users")
        token_usage.save_uses()

        client.post(revocation_of(first))

        assert Token.objects.get(pk=first.pk).revoked_at

    def test_needs_the_name_while_the_other_one_is_not_used_yet(
        self, client: Client, scim: Provider
    ) -> None:
        first = Token.objects.get()
        scim("GET", "/Users")
        token_usage.save_uses()
        client.post(page_of(scim))

        client.post(revocation_of(first))

        assert not Token.objects.get(pk=first.pk).revoked_at

    def test_needs_no_name_after_it_was_not_used_for_long(
        self, client: Client, scim: Provider
    ) -> None:
        Token.objects.update(last_used_at=timezone.now() - timedelta(days=8))

        client.post(revocation_of(Token.objects.get()))

        assert Token.objects.get().revoked_at

    def test_asks_first(self, client: Client, scim: Provider) -> None:
        page = text_of(client.get(revocation_of(Token.objects.get())))

        assert "It has never been used." in page
        assert not Token.objects.get().revoked_at

    def test_twice_is_once(self, client: Client, scim: Provider) -> None:
        token = Token.objects.get()
        client.post(revocation_of(token))

        assert client.post(revocation_of(token)).status_code == 404
        assert Event.objects.filter(facts__what="token revoked").count() == 1

    def test_of_another_connection_is_not_found(
        self, client: Client, scim: Provider, connect: Connect
    ) -> None:
        entra = connect("entra")
        token = Token.objects.get(connection=entra.connection)

        address = f"{page_of(scim)}{token.pk}/revoke/"

        assert client.post(address).status_code == 404
        assert not Token.objects.get(pk=token.pk).revoked_at


class TestUse:
    """The use of a token …"""

    def test_tells_when_from_where_and_by_what(self, client: Client, scim: Provider) -> None:
        before = timezone.now()
        scim("GET", "/Users", User_Agent="Okta SCIM 4.2")

        assert token_usage.save_uses() == 1

        token = Token.objects.get()
        assert token.last_used_at
        assert before < token.last_used_at < timezone.now()
        assert token.last_ip == "127.0.0.1"
        assert "Okta SCIM 4.2, from 127.0.0.1" in text_of(client.get(page_of(scim)))

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
    def test_counts_whatever_was_asked(
        self, scim: Provider, method: str, path: str, body: Any
    ) -> None:
        scim(method, path, body)
        token_usage.save_uses()

        assert Token.objects.get().last_used_at

    def test_costs_a_reading_request_no_statement(
        self, scim: Provider, django_assert_num_queries: Any
    ) -> None:
        scim_id = scim.add()

        with django_assert_num_queries(1):
            scim("GET", f"/Users/{scim_id}")

    def test_is_written_once_however_often_it_was_used(
        self, scim: Provider, django_assert_num_queries: Any
    ) -> None:
        for _ in range(20):
            scim("GET", "/Users")

        with django_assert_num_queries(2):
            assert token_usage.save_uses() == 1
        assert token_usage.save_uses() == 0

    def test_never_goes_back(self, scim: Provider) -> None:
        scim("GET", "/Users", User_Agent="old")
        later = timezone.now() + timedelta(minutes=1)
        Token.objects.update(last_used_at=later, last_user_agent="new")

        token_usage.save_uses()

        assert Token.objects.get().last_user_agent == "new"

    def test_of_a_token_that_is_not_good_leaves_nothing(self, scim: Provider) -> None:
        Token.objects.update(revoked_at=timezone.now())
        scim("GET", "/Users")
        scim("GET", "/Users", Authorization="Bearer wrong")

        assert token_usage.save_uses() == 0
        assert Token.objects.get().last_used_at is None

    def test_is_bounded_however_many_tokens_are_made_up(
        self, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(token_usage, "MAX_UNSAVED", 5)
        for number in range(10):
            scim("GET", "/Users", Authorization=f"Bearer wrong-{number}")

        assert len(token_usage._unsaved) == 5

    def test_is_kept_for_the_next_time_if_the_database_fails(
        self, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scim("GET", "/Users")
        with monkeypatch.context() as broken:
            broken.setattr(token_usage, "_save_use", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                token_usage.save_uses()

        assert token_usage.save_uses() == 1

    def test_takes_any_user_agent(self, scim: Provider) -> None:
        scim("GET", "/Users", User_Agent="x\0" * 1000)

        token_usage.save_uses()

        assert len(Token.objects.get().last_user_agent) == 300


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [4], indirect=True, ids=["four"])
def test_by_four_administrators_at_once_never_gives_a_third(
    owner: Person, scim: Provider, racers: Racers
) -> None:
    def add() -> str:
        return text_of(signed_in(owner).post(page_of(scim)))

    pages = racers(add, add, add, add)

    assert sum('id="token"' in page for page in pages) == 1
    assert Token.objects.filter(revoked_at=None).count() == 2


def test_asks_the_same_number_of_queries_for_many_revoked_tokens(
    client: Client, scim: Provider
) -> None:
    few = len(queries_of(client, page_of(scim)))
    for number in range(60):
        scim.connection.tokens.create(
            tenant_id=scim.connection.tenant_id,
            digest=f"{number:064}",
            hint="abcd",
            revoked_at=timezone.now(),
        )

    assert len(queries_of(client, page_of(scim))) == few
    assert few <= 8


def test_learns_of_the_use_by_itself_on_a_real_server(server: Server) -> None:
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
    while (said := server.manage("shell", "-c", asking)) and "127.0.0.1" not in said:
        assert time.monotonic() < deadline, said


class TestIsFor:
    """A connection's tokens are for …"""

    def test_administrators_only(self, scim: Provider) -> None:
        token = Token.objects.get()
        client = signed_in(core.person())

        for address in (page_of(scim), revocation_of(token)):
            for response in (client.get(address), client.post(address)):
                assert response.headers["Location"].startswith("/sign-in/")
        assert Token.objects.count() == 1

    def test_their_own_company(self, scim: Provider) -> None:
        token = Token.objects.get()
        with core.in_another_tenant():
            client = signed_in(core.owner())

        for address in (page_of(scim), revocation_of(token)):
            assert client.get(address).status_code == 404
            assert client.post(address).status_code == 404
        assert Token.objects.count() == 1
