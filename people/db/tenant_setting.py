"""Tells PostgreSQL which tenant is in force, for the policies of `row_policies`.

The policies compare rows with the setting `ramp.tenant` of the connection. Ramp sends it before a
statement, but only if the tenant has changed since the previous statement. So a connection that
works for one company sends it once. Roles that row-level security does not limit, such as
the owner of the tables, send nothing.
"""

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection, RawCursor
from psycopg.pq import TransactionStatus

from people import tenancy

# `row_policies` uses the same name of the setting.
SET: Final = b"SELECT set_config('ramp.tenant', $1, false)"
# Members of the owner bypass the policies as the owner does; a superuser is a member of all roles.
IS_LIMITED: Final = """
    SELECT NOT (r.rolbypassrls OR pg_has_role(c.relowner, 'USAGE'))
      FROM pg_class c, pg_roles r
     WHERE c.oid = to_regclass('people_person') AND r.rolname = current_user
"""


class TenantSetting:
    """The setting of one connection, and what it was last set to."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection, self._cursor = connection, RawCursor(connection)
        self._sent: int | None = None
        self._is_known = False

    def update(self) -> None:
        """Send the tenant in force, if the connection was last told another one."""
        tenant_id = tenancy.in_force()
        if self._is_known and tenant_id == self._sent:
            return
        # After an error, PostgreSQL accepts only a rollback, which `forget` follows.
        if self._connection.info.transaction_status == TransactionStatus.INERROR:
            return
        value = "" if tenant_id is None else str(tenant_id)
        self._cursor.execute(SET, [value], prepare=True)
        self._sent, self._is_known = tenant_id, True

    def forget(self) -> None:
        """Send the tenant again before the next statement: a rollback undoes the setting."""
        self._is_known = False


def setting_of(connection: Connection[Any]) -> TenantSetting | None:
    """Return the setting of a new connection, or None if its role sees the rows of all tenants."""
    row = connection.execute(IS_LIMITED).fetchone()
    return TenantSetting(connection) if row and row[0] else None


def update(database: BaseDatabaseWrapper) -> None:
    """Do what `TenantSetting.update` does, for statements that bypass Django's cursors."""
    setting: TenantSetting | None = getattr(database, "tenant_setting", None)
    if setting:
        setting.update()
