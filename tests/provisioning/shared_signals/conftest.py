import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.net import circuit_breaker
from provisioning.models import IdentityProvider, TransmitterStream
from provisioning.shared_signals.event_types import POLICIES
from tests.clients.pages import signed_in
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import CAEP, TOKEN, Transmitter
from tests.support.openid_flow import connected, sign_in

REVOKED = f"{CAEP}session-revoked"


def in_process(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """Push to Ramp in this process."""
    path = url.removeprefix(django_settings.PUBLIC_BASE_URL)
    values = dict(headers)
    content_type = values.pop("Content-Type")
    answer = Client().post(path, body, content_type=content_type, headers=values)
    is_json = answer.headers.get("Content-Type") == "application/json"
    return answer.status_code, json.loads(answer.content) if is_json else {}


@pytest.fixture
def transmitter() -> Iterator[Transmitter]:
    cache.clear()
    transmitter = Transmitter(deliver=in_process)
    yield transmitter
    circuit_breaker.reset(transmitter.host)
    transmitter.stop()


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example", password="correct horse")


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider, olga: Person) -> IdentityProvider:
    return connected(acme, openid)


@pytest.fixture
def page(corp: IdentityProvider) -> str:
    return f"/tenants/acme/auth-providers/{corp.pk}/signals/"


@pytest.fixture
def owner(olga: Person) -> Client:
    return signed_in(olga)


@pytest.fixture
def pushed(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> TransmitterStream:
    """Set up a stream that is pushed, through the page."""
    values = {"issuer": transmitter.issuer, "token": TOKEN, "delivery": "push"}
    assert owner.post(page, values).status_code == 302
    return stream_of(corp)


@pytest.fixture
def polled(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> TransmitterStream:
    values = {"issuer": transmitter.issuer, "token": TOKEN, "delivery": "poll"}
    assert owner.post(page, values).status_code == 302
    return stream_of(corp)


@pytest.fixture
def ada(client: Client, corp: IdentityProvider, openid: OpenIdProvider) -> Person:
    """Sign Ada in through the provider, with `client`."""
    sign_in(client, corp, openid)
    with tenancy.use(corp.tenant):
        person: Person = Person.objects.select_related("tenant").get(email="ada@acme.example")
    return person


@dataclass
class Sender:
    """Pushes signals, about Ada unless told otherwise."""

    transmitter: Transmitter
    provider: IdentityProvider
    subject: dict[str, Any]
    openid: OpenIdProvider

    def claims(self, event: str = REVOKED) -> dict[str, Any]:
        return self.transmitter.claims(event, self.subject)

    def send(self, event: str = REVOKED, **payload: Any) -> tuple[int, dict[str, Any]]:
        return self.transmitter.send(event, self.subject, **payload)

    def about(self, subject: Any, event: str = REVOKED) -> tuple[int, dict[str, Any]]:
        return self.transmitter.push(
            self.transmitter.sign(self.transmitter.claims(event, None) | {"sub_id": subject})
        )

    def push(self, claims: Any, **how: Any) -> tuple[int, dict[str, Any]]:
        return self.transmitter.push(self.transmitter.sign(claims, **how))


@pytest.fixture
def sender(
    ada: Person, pushed: TransmitterStream, transmitter: Transmitter, openid: OpenIdProvider
) -> Sender:
    subject = {"format": "iss_sub", "iss": openid.url, "sub": "ada"}
    return Sender(transmitter, pushed.provider, subject, openid)


def choose(owner: Client, page: str, **policies: str) -> None:
    """Choose the policies on the page."""
    chosen = {line.name: line.default for line in POLICIES}
    chosen |= {name.replace("_", "-"): policy for name, policy in policies.items()}
    assert owner.post(f"{page}policies/", chosen).status_code == 302


def stream_of(provider: IdentityProvider) -> TransmitterStream:
    with tenancy.use(provider.tenant_id):
        return TransmitterStream.objects.select_related("provider__tenant").get(provider=provider)
