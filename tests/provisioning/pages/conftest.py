"""An administrator of Acme, their provider, and who came in through it."""

from collections.abc import Iterator

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests import make
from tests.people.visiting import signed_in
from tests.provisioning import arriving
from tests.provisioning.arriving import come_in


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        yield


@pytest.fixture
def olga(in_acme: None) -> Person:
    return make.owner(email="olga@acme.example")


@pytest.fixture
def client(olga: Person) -> Client:
    return signed_in(olga)


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    return arriving.provider(settings=arriving.OIDC)


@pytest.fixture
def ada(olga: Person, corp: IdentityProvider) -> Person:
    return come_in(corp)
