"""The page “Test Universal Logout” of a provider."""

from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.support.openid_flow import connected

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(acme: Tenant) -> Client:
    with tenancy.use(acme):
        return signed_in(core.owner())


@pytest.fixture
def corp(acme: Tenant, owner: Client, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


@pytest.fixture
def page(corp: IdentityProvider) -> str:
    return f"/tenants/acme/auth-providers/{corp.pk}/test-universal-logout/"


def test_page_explains_what_ramp_cannot_test(owner: Client, page: str) -> None:
    shown = text_of(owner.get(page))

    assert "Ramp cannot test whether Corp reaches this address" in shown
    assert "Corp has not sent a request yet." in shown


def test_page_reports_address_discovery_and_keys(owner: Client, page: str, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://ramp.example"

    shown = text_of(owner.post(page))

    assert "Ramp is ready for requests" in shown
    assert "https://ramp.example/sign-in/acme/" in shown
    assert "publishes 1 keys" in shown


def test_page_reports_an_address_without_tls(owner: Client, page: str) -> None:
    assert "does not begin with https" in text_of(owner.post(page))


@pytest.mark.parametrize(
    ("path", "answer", "problem"),
    [
        ("/.well-known/openid-configuration", (500, b""), "returned status 500"),
        ("/keys", (200, b'{"keys": [{"kty": "oct"}, 5]}'), "publishes no key"),
        ("/keys", (200, b'{"keys": 5}'), "publishes no key"),
    ],
    ids=str,
)
def test_page_reports_unusable_discovery_or_keys(
    owner: Client, page: str, openid: OpenIdProvider, path: str, answer: Any, problem: str
) -> None:
    openid.instead[path] = answer

    assert problem in text_of(owner.post(page))


def test_page_shows_the_last_request(owner: Client, page: str, corp: IdentityProvider) -> None:
    path = f"/sign-in/acme/{corp.pk}/global-token-revocation/"
    Client().post(path, {}, "application/json", headers={"Authorization": "Bearer nonsense"})

    shown = text_of(owner.get(page))

    assert "Refused" in shown
    assert "revocation-refused" in shown
