from collections.abc import Iterator

import pytest

from people import tenancy
from people.models import Person, Tenant
from tests.factories import core
from tests.support.offboarding import Leaver


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """Put a new company in force for the whole test."""
    tenant = core.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return core.owner()


@pytest.fixture
def ada(owner: Person) -> Person:
    """Make a cardholder at a company that has an owner besides."""
    return core.person(email="ada@example.com")


@pytest.fixture
def grace(owner: Person) -> Person:
    return core.person(given_name="Grace", family_name="Hopper", email="grace@example.com")


@pytest.fixture
def leaver(ada: Person, grace: Person) -> Leaver:
    """Give Ada something of everything, and Grace as her manager."""
    ada.manager = grace
    ada.save()
    return Leaver(ada, grace)
