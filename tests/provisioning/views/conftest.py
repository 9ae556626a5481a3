"""An administrator of Acme, their provider, and who came in through it."""

from collections.abc import Iterator

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import signed_in
from tests.factories import core
from tests.support import sign_in_flow
from tests.support.sign_in_flow import come_in


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        yield


@pytest.fixture
def olga(in_acme: None) -> Person:
    return core.owner(email="olga@acme.example")


@pytest.fixture
def client(olga: Person) -> Client:
    return signed_in(olga)


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    return sign_in_flow.provider(settings=sign_in_flow.OIDC)


@pytest.fixture
def ada(olga: Person, corp: IdentityProvider) -> Person:
    return come_in(corp)
