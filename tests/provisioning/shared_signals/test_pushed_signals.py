"""A signal that a transmitter pushes …"""

import time
from typing import Any

import pytest
from django.test import Client
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey

from people import tenancy
from people.models import Event, Person
from people.presentation.event_text import entries_of
from provisioning.models import IdentityProvider, ReceivedSignal, TransmitterStream
from tests.clients.pages import text_of
from tests.provisioning.shared_signals.conftest import REVOKED, Sender, stream_of
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import (
    CAEP,
    EC,
    FOREIGN_RSA,
    RISC,
    SSF,
    Transmitter,
    rsa_key,
)
from tests.support.openid_flow import is_in, sign_in, the_attempt

pytestmark = pytest.mark.django_db

NOW = int(time.time())


def signals(provider: IdentityProvider) -> list[ReceivedSignal]:
    with tenancy.use(provider.tenant_id):
        return list(ReceivedSignal.objects.order_by("pk"))


@pytest.mark.parametrize("key", [None, EC], ids=["RS256", "ES256"])
def test_ends_the_sessions_of_the_person(client: Client, sender: Sender, key: Any) -> None:
    assert is_in(client)

    assert sender.push(sender.claims(), key=key) == (202, {})
    assert not is_in(client)


def test_is_in_the_history_the_log_and_on_the_page(
    owner: Client, page: str, ada: Person, sender: Sender
) -> None:
    sender.send()

    line = the_attempt()
    assert (line.outcome, line.subject, line.person) == ("signed-out", "ada", ada)
    with tenancy.use(ada.tenant):
        event = Event.objects.get(kind=Event.Kind.SESSIONS_ENDED)
        [entry] = entries_of([event])
    assert entry.sentence == "Corp ended all sessions of Ada Lovelace"
    assert line.request_id == event.request_id is not None
    shown = text_of(owner.get(page))
    assert "session-revoked</strong> about" in shown
    assert "All sessions, API tokens and links were ended." in shown


def test_is_applied_once(client: Client, sender: Sender, openid: OpenIdProvider) -> None:
    claims = sender.claims()
    assert sender.push(claims)[0] == 202
    sign_in(client, sender.provider, openid)

    assert sender.push(claims)[0] == 202
    assert is_in(client)
    with tenancy.use(sender.provider.tenant_id):
        assert ReceivedSignal.objects.count() == 1


def test_about_an_unknown_subject_is_accepted_and_listed(
    owner: Client, page: str, sender: Sender
) -> None:
    assert sender.about(sender.subject | {"sub": "nobody"})[0] == 202
    assert (the_attempt().outcome, the_attempt().subject) == ("signal", "nobody")
    assert "Ramp does not know this subject. Nothing was changed." in text_of(owner.get(page))


CLAIMS = {
    "another issuer": ({"iss": "https://evil.example"}, "invalid_issuer"),
    "no issuer": ({"iss": None}, "invalid_issuer"),
    "another audience": ({"aud": "https://other.example"}, "invalid_audience"),
    "several other audiences": ({"aud": ["a", "b"]}, "invalid_audience"),
    "an unreadable audience": ({"aud": [{"a": 1}]}, "invalid_audience"),
    "no audience": ({"aud": None}, "invalid_audience"),
    "no id": ({"jti": None}, "invalid_request"),
    "an id that is no text": ({"jti": 7}, "invalid_request"),
    "no time": ({"iat": None}, "invalid_request"),
    "a time that is no number": ({"iat": "now"}, "invalid_request"),
    "an endless time": ({"iat": 1e300}, "invalid_request"),
    "a time in an hour": ({"iat": NOW + 3600}, "invalid_request"),
    "a time of two months ago": ({"iat": NOW - 60 * 24 * 3600}, "invalid_request"),
    "a sub": ({"sub": "ada"}, "invalid_request"),
    "an expiry": ({"exp": NOW + 300}, "invalid_request"),
    "no event": ({"events": {}}, "invalid_request"),
    "events that are no object": ({"events": [REVOKED]}, "invalid_request"),
    "an unknown event": ({"events": {"https://evil.example/e": {}}}, "invalid_request"),
    "two events": ({"events": {REVOKED: {}, f"{RISC}account-enabled": {}}}, "invalid_request"),
    "an event that is no object": ({"events": {REVOKED: "x"}}, "invalid_request"),
}


@pytest.mark.parametrize(("claims", "err"), CLAIMS.values(), ids=CLAIMS)
def test_is_refused_with(client: Client, sender: Sender, claims: dict[str, Any], err: str) -> None:
    values = sender.claims() | claims

    status, body = sender.push({name: values[name] for name in values if values[name] is not None})

    assert (status, body["err"]) == (400, err)
    assert body["description"] in the_attempt().detail
    assert (the_attempt().outcome, the_attempt().reason) == ("refused", "signal-refused")
    assert the_attempt().request_id
    assert is_in(client)


SIGNED: dict[str, tuple[dict[str, Any], str]] = {
    "another key of the same id": ({"key": FOREIGN_RSA}, "authentication_failed"),
    "an unknown key": ({"key": rsa_key("other")}, "invalid_key"),
    "another type": ({"typ": "JWT"}, "invalid_request"),
    "no type": ({"typ": None}, "invalid_request"),
}


@pytest.mark.parametrize(("how", "err"), SIGNED.values(), ids=SIGNED)
def test_is_refused_when_it_is_signed_with(
    client: Client, sender: Sender, how: dict[str, Any], err: str
) -> None:
    status, body = sender.push(sender.claims(), **how)

    assert (status, body["err"]) == (400, err)
    assert is_in(client)


@pytest.mark.parametrize(
    "token",
    [b"", b"nonsense", b"a.b.c", b"{}", "é.é.é".encode(), b"." * 70_000, b"\xff" * 10],
    ids=["nothing", "nonsense", "no JSON", "JSON", "no ASCII", "70 KB", "no text"],
)
def test_is_refused_when_it_is(
    ada: Person, pushed: TransmitterStream, transmitter: Transmitter, token: bytes
) -> None:
    assert transmitter.push(token)[1]["err"] == "invalid_request"


@pytest.mark.parametrize(
    "claims",
    [b"nonsense", b"[]", b"7", b"[" * 40_000, b'{"iss": "a", "iss": "b"}', b'{"iat": NaN}'],
    ids=["nonsense", "a list", "a number", "too deep", "with a name twice", "with NaN"],
)
def test_is_refused_when_its_claims_are(
    ada: Person, pushed: TransmitterStream, transmitter: Transmitter, claims: bytes
) -> None:
    assert transmitter.push(transmitter.sign(claims))[1]["err"] == "invalid_request"


@pytest.mark.parametrize(
    ("headers", "err"),
    [
        ({"Authorization": ""}, "authentication_failed"),
        ({"Authorization": "Bearer wrong"}, "authentication_failed"),
        ({"Content-Type": "application/json"}, "invalid_request"),
    ],
    ids=["no authorization", "another authorization", "another content type"],
)
def test_is_refused_for_a_request_with(
    client: Client, sender: Sender, headers: dict[str, str], err: str
) -> None:
    token = sender.transmitter.sign(sender.claims())

    assert sender.transmitter.push(token, **headers)[1]["err"] == err
    assert is_in(client)


def test_follows_a_transmitter_that_changes_its_keys(client: Client, sender: Sender) -> None:
    sender.send(f"{CAEP}credential-change", change_type="create")
    # It even keeps the id.
    sender.transmitter.keys, sender.transmitter.key = [FOREIGN_RSA], FOREIGN_RSA

    assert sender.send()[0] == 202
    assert not is_in(client)


def test_is_refused_when_its_key_has_less_than_2048_bits(client: Client, sender: Sender) -> None:
    with pytest.warns(SecurityWarning):
        short = RSAKey.generate_key(1024, {"kid": "short", "use": "sig", "alg": "RS256"})
    sender.transmitter.keys.append(short)

    status, body = sender.push(sender.claims(), key=short)

    assert (status, body["err"]) == (400, "invalid_key")
    assert "2048 bits" in body["description"]
    assert is_in(client)


def test_is_asked_for_again_while_the_keys_are_not_available(sender: Sender) -> None:
    sender.transmitter.instead["/keys"] = (500, {})

    status, body = sender.send()

    assert (status, body["err"]) == (503, "temporarily_unavailable")
    del sender.transmitter.instead["/keys"]
    assert sender.send()[0] == 202


def test_verifies_the_stream_that_ramp_asked_about(
    corp: IdentityProvider, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    [asked] = transmitter.verifications
    assert stream_of(corp).verified_at is None

    assert transmitter.push(transmitter.verification(asked | {"state": "another"}))[0] == 202
    assert stream_of(corp).verified_at is None
    assert transmitter.push(transmitter.verification(asked))[0] == 202
    stream = stream_of(corp)
    assert stream.verified_at
    assert stream.last_event_at
    assert stream.lag_seconds is not None


def test_pauses_the_stream_with_the_reason_on_the_page(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    transmitter.send(f"{SSF}stream-updated", None, status="paused", reason="License expired")

    shown = text_of(owner.get(page))
    assert "Paused by the transmitter" in shown
    assert "License expired" in shown
