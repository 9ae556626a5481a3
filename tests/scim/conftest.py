from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection as database

from people import tenancy
from people.models import Person, Role, Tenant
from people.values import normalize_key
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support.scim_setup import Wizard

Connect = Callable[..., Provider]


@pytest.fixture
def tenant(db: None) -> Iterator[Tenant]:
    """Put a new company in force for the whole test; only its owner works there."""
    tenant = core.tenant()
    with tenancy.use(tenant):
        core.owner(email="owner@example.com")
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    owner: Person = Person.objects.active_owners().get()
    return owner


@pytest.fixture
def auditor(owner: Person) -> Role:
    """A role that the company has defined itself."""
    role: Role = Role.objects.create(
        tenant_id=owner.tenant_id, name="Auditor", name_key=normalize_key("Auditor")
    )
    return role


@pytest.fixture
def connect(tenant: Tenant) -> Connect:
    """Connect providers: connect("entra", unknown_manager="reject")."""

    def connect(provider: str = "okta", **settings: object) -> Provider:
        return Provider(scim_connection(provider, **settings))

    return connect


@pytest.fixture
def scim(connect: Connect) -> Provider:
    """Connect Okta, which refuses incomplete people."""
    return connect()


@pytest.fixture
def wizard(owner: Person) -> Wizard:
    return Wizard(owner)


@pytest.fixture
def okta(wizard: Wizard) -> Provider:
    """Have Okta send to a connection that is being set up, and is not active yet."""
    return wizard.connect()


@pytest.fixture(scope="module")
def swept(django_db_setup: None) -> Iterator[None]:
    """Tidy up after the module: many rows, taken back again, slow the tests that follow down."""
    yield
    result = database.settings_dict
    with psycopg.connect(
        host=result["HOST"],
        port=result["PORT"],
        user=result["USER"],
        dbname=result["NAME"],
        autocommit=True,
    ) as connection:
        connection.execute("VACUUM ANALYZE")
