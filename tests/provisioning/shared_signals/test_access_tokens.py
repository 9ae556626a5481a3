"""A stream whose transmitter issues access tokens that expire …"""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from people.models import Person
from provisioning.models import IdentityProvider, TransmitterStream
from provisioning.shared_signals import job
from tests.clients.pages import text_of
from tests.provisioning.shared_signals.conftest import REVOKED, stream_of
from tests.services.signal_transmitter import Transmitter

pytestmark = pytest.mark.django_db

SECRET = "a/secret"
OPAQUE = {"format": "opaque", "id": "ada"}


def stream_form(transmitter: Transmitter, **more: str) -> dict[str, str]:
    return {
        "issuer": transmitter.issuer,
        "token": SECRET,
        "token_url": f"{transmitter.host}/token",
        "client_id": "ramp",
        "scope": "ssf.manage",
        "delivery": "poll",
    } | more


@pytest.fixture
def stream(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> TransmitterStream:
    answer = owner.post(page, stream_form(transmitter))
    assert answer.status_code == 302, text_of(answer)
    return stream_of(corp)


def later(**delay: int) -> None:
    with time_machine.travel(timezone.now() + timedelta(**delay)):
        job.serve_due(as_of=timezone.now())


def test_requests_one_token_for_its_client(
    stream: TransmitterStream, transmitter: Transmitter
) -> None:
    later(minutes=1)

    [(_, form)] = transmitter.token_requests
    assert form == {"grant_type": "client_credentials", "scope": "ssf.manage"}
    assert len(transmitter.streams) == 1
    assert not stream.problem


@pytest.mark.parametrize(("minutes", "requests"), [(58, 1), (60, 2)])
def test_renews_the_token_before_it_expires(
    stream: TransmitterStream, transmitter: Transmitter, minutes: int, requests: int
) -> None:
    later(minutes=minutes)

    assert len(transmitter.token_requests) == requests


@pytest.mark.parametrize(
    # To create the stream, and to ask for its verification.
    ("expires_in", "requests"),
    [(None, 1), (30, 2)],
)
def test_keeps_a_token_no_longer_than_it_says(
    owner: Client, page: str, transmitter: Transmitter, expires_in: int | None, requests: int
) -> None:
    transmitter.expires_in = expires_in

    owner.post(page, stream_form(transmitter))

    assert len(transmitter.token_requests) == requests


def test_renews_a_token_that_the_transmitter_refuses(
    ada: Person, stream: TransmitterStream, transmitter: Transmitter
) -> None:
    transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))
    transmitter.issued.clear()

    later(minutes=1)

    assert not transmitter.waiting
    assert len(transmitter.token_requests) == 2


def test_says_why_it_gets_no_token(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> None:
    page_text = text_of(owner.post(page, stream_form(transmitter, token="wrong")))

    assert "issued no access token: invalid_client" in page_text
    assert stream_of(corp).stream_id == ""


def test_keeps_trying_and_works_when_the_endpoint_does(
    stream: TransmitterStream, transmitter: Transmitter
) -> None:
    cache.clear()
    transmitter.instead["/token"] = (503, {})
    later(minutes=1)
    stream.refresh_from_db()
    assert "issued no access token: status 503" in stream.problem

    transmitter.instead.clear()
    later(minutes=10)

    stream.refresh_from_db()
    assert stream.problem == ""


def test_stores_neither_secret_nor_token_in_the_open(
    stream: TransmitterStream, transmitter: Transmitter
) -> None:
    kept: Any = vars(cache).get("_cache", {})

    assert SECRET not in str(vars(stream))
    assert transmitter.issued[0] not in str(kept)


def test_sends_the_secret_to_no_other_token_endpoint(
    owner: Client, page: str, stream: TransmitterStream, transmitter: Transmitter
) -> None:
    other = stream_form(transmitter, token="", token_url=f"{transmitter.host}/other")

    page_text = text_of(owner.post(page, other))

    assert "Enter the access token or client secret again" in page_text
    assert "POST /other" not in transmitter.asked


def test_keeps_the_secret_for_the_same_token_endpoint(
    owner: Client, page: str, stream: TransmitterStream, transmitter: Transmitter
) -> None:
    assert owner.post(page, stream_form(transmitter, token="")).status_code == 302

    shown = owner.get(page).content.decode()
    assert f'value="{transmitter.host}/token"' in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("entered", "error"),
    [
        ({"client_id": ""}, "The token endpoint needs the ID of a client."),
        ({"token_url": ""}, "Enter where the client gets its tokens."),
        ({"token_url": "http://169.254.169.254/token"}, "169.254.169.254"),
    ],
)
def test_is_not_set_up_with(
    owner: Client, page: str, transmitter: Transmitter, entered: dict[str, str], error: str
) -> None:
    assert error in text_of(owner.post(page, stream_form(transmitter, **entered)))
    assert not transmitter.token_requests
