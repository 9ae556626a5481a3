from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.net import circuit_breaker
from provisioning.models import IdentityProvider
from tests.factories import core
from tests.services.active_directory import ActiveDirectory
from tests.services.fake_openid import OpenIdProvider
from tests.services.ldap import Slapd
from tests.support.active_directory import added
from tests.support.cloud_directories import CloudProvider
from tests.support.openid_flow import ADA


@pytest.fixture
def acme(db: None) -> Tenant:
    """Make a company; a stranger's request has no tenant in force, so the tests have none."""
    return core.tenant(slug="acme", name="Acme")


@pytest.fixture
def in_acme(acme: Tenant) -> Iterator[None]:
    """Have the company in force, with nothing cached of earlier tests."""
    cache.clear()
    with tenancy.use(acme):
        yield


@pytest.fixture
def ada(acme: Tenant) -> Person:
    """Make a cardholder with a password, at a company that has an owner besides."""
    with tenancy.use(acme):
        core.owner()
        return core.person(email="ada@acme.example", password="correct horse")


@pytest.fixture(scope="session")
def slapd_service() -> Iterator[Slapd]:
    service = Slapd()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def samba(request: pytest.FixtureRequest) -> Iterator[ActiveDirectory]:
    """Run a real Active Directory; pytest's cache keeps the domain that it starts from."""
    assert request.config.cache is not None
    service = ActiveDirectory(request.config.cache.mkdir("samba"))
    yield service
    service.stop()


@pytest.fixture
def active_directory(samba: ActiveDirectory, monkeypatch: pytest.MonkeyPatch) -> ActiveDirectory:
    """Have Ramp trust the certificate of the Active Directory, and ask it whatever happened."""
    monkeypatch.setenv("SSL_CERT_FILE", str(samba.certificate))
    circuit_breaker.reset(samba.uri)
    return samba


@pytest.fixture
def live_active_directory(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    """Add the Active Directory as a provider that is browsed live, with fresh limits."""
    cache.clear()
    return added(acme, active_directory.document(directory_browsing="live"))


@pytest.fixture
def owner_client(acme: Tenant) -> Client:
    with tenancy.use(acme):
        owner = core.owner()
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def openid() -> Iterator[OpenIdProvider]:
    """Run a provider at which Ada signs in, and remember nothing of earlier ones."""
    cache.clear()
    provider = OpenIdProvider(user=dict(ADA))
    yield provider
    provider.stop()


@pytest.fixture
def cloud() -> Iterator[CloudProvider]:
    """Run a provider whose directory has an API; a test says what it answers."""
    provider = CloudProvider()
    yield provider
    provider.stop()
