from collections.abc import Iterator

import pytest
from django.core.cache import cache

from people import tenancy
from people.models import Person, Tenant
from tests.clients.spend import Api
from tests.factories import core


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """Put a new company in force for the whole test."""
    cache.clear()
    tenant = core.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return core.owner()


@pytest.fixture
def api(owner: Person) -> Api:
    return Api(owner)


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make a cardholder at a company that has an owner besides."""
    return core.person(email="ada@example.com")
