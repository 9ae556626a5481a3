from collections.abc import Iterator

import pytest
from django.core.cache import cache

from people import tenancy
from people.models import Person, Tenant
from tests import make
from tests.people.spending import Api


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """Put a new company in force for the whole test."""
    cache.clear()
    tenant = make.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return make.owner()


@pytest.fixture
def api(owner: Person) -> Api:
    return Api(owner)


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make a cardholder at a company that has an owner besides."""
    return make.person(email="ada@example.com")
