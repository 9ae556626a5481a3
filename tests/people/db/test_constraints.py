"""The constraint that refused a row is named …"""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from people.db.constraints import constraint_of
from people.models import CustomField, Tenant
from tests.factories import core

pytestmark = pytest.mark.django_db

INSERT = (
    "INSERT INTO people_customfield (id, tenant_id, name, external_name) "
    "VALUES (%s, 1, 'Cost center', 'cost_center')"
)


@pytest.fixture
def sqlite() -> Iterator[BaseDatabaseWrapper]:
    """Create the table of custom fields in a SQLite database, without the tables around it."""
    handler = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    )
    database = handler["default"]
    with database.schema_editor() as editor:
        editor.create_model(CustomField)
    with database.constraint_checks_disabled():
        yield database
    database.close()


def test_for_a_unique_constraint(tenant: Tenant) -> None:
    CustomField.objects.create(tenant=tenant, name="Cost", external_name="cost")

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        CustomField.objects.create(tenant=tenant, name="Other", external_name="cost")

    assert constraint_of(refused.value) == "custom_field_name_taken"


def test_for_a_unique_field(tenant: Tenant) -> None:
    other = core.tenant()

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Tenant.objects.filter(pk=other.pk).update(slug=tenant.slug)

    assert constraint_of(refused.value) == "people_tenant_slug_key"


@pytest.mark.parametrize(
    ("key", "name"), [(2, "custom_field_name_taken"), (1, "people_customfield_pkey")]
)
def test_on_sqlite_too(sqlite: BaseDatabaseWrapper, key: int, name: str) -> None:
    with sqlite.cursor() as cursor:
        cursor.execute(INSERT, [1])
        with pytest.raises(IntegrityError) as refused:
            cursor.execute(INSERT, [key])

    assert constraint_of(refused.value) == name
