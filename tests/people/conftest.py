from collections.abc import Iterator

import pytest

from people import tenancy
from people.models import Person, Tenant
from tests import make
from tests.people.leaving import Leaver


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """Put a new company in force for the whole test."""
    tenant = make.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return make.owner()


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make a cardholder at a company that has an owner besides."""
    return make.person(email="ada@example.com")


@pytest.fixture
def grace(owner: Person) -> Person:
    return make.person(given_name="Grace", family_name="Hopper", email="grace@example.com")


@pytest.fixture
def leaver(ada: Person, grace: Person) -> Leaver:
    """Give Ada something of everything, and Grace as her manager."""
    ada.manager = grace
    ada.save()
    return Leaver(ada, grace)
