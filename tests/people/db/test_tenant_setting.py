"""The connection of a limited role is told which tenant is in force …"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction

from people import tenancy
from people.db import prepared_statements
from people.db.tenant_setting import TenantSetting

pytestmark = pytest.mark.django_db

READ = "SELECT current_setting('ramp.tenant', true)"


@pytest.fixture(autouse=True)
def limited(db: None) -> Iterator[None]:
    """Treat this connection as that of a limited role; all others send nothing."""
    connection.ensure_connection()
    database: Any = connections[DEFAULT_DB_ALIAS]
    before = database.tenant_setting
    database.tenant_setting = TenantSetting(connection.connection)
    yield
    database.tenant_setting = before


def tenant_in_force() -> str:
    """Return the setting, as a statement of the ORM would find it."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        row = cursor.fetchone()
    return str(row[0])


def test_before_each_statement() -> None:
    with tenancy.use(7):
        assert tenant_in_force() == "7"
        with tenancy.across_tenants():
            assert tenant_in_force() == "0"
        assert tenant_in_force() == "7"

    assert tenant_in_force() == ""


def test_before_a_fixed_statement_too() -> None:
    with tenancy.use(7):
        assert prepared_statements.first_row(READ, []) == ("7",)


def test_again_after_a_rollback_to_a_savepoint() -> None:
    with tenancy.use(7):
        with transaction.atomic(), tenancy.use(8):
            assert tenant_in_force() == "8"
            transaction.set_rollback(True)

        assert tenant_in_force() == "7"


def test_again_after_a_statement_failed() -> None:
    """PostgreSQL refuses every statement until the rollback, also this one."""
    with tenancy.use(7):
        with pytest.raises(DatabaseError), transaction.atomic(), tenancy.use(8):
            prepared_statements.first_row("SELECT 1 / 0", [])

        assert tenant_in_force() == "7"


def test_only_if_it_changed() -> None:
    with tenancy.use(7):
        tenant_in_force()
        connection.connection.execute("SELECT set_config('ramp.tenant', 'other', false)")

        assert tenant_in_force() == "other"


@pytest.mark.django_db(transaction=True)
def test_again_after_a_rollback() -> None:
    with tenancy.use(7):
        with transaction.atomic():
            assert tenant_in_force() == "7"
            transaction.set_rollback(True)

        assert tenant_in_force() == "7"
