"""An exact number of users of each connection, which a list page would otherwise count.

Triggers append a row for each user who is added, deleted or restored, in the transaction of the
write, so that the sum is exact and no writer waits for another. The sync cycle sums the rows up.
PostgreSQL only: on SQLite, pages count.
"""

from django.db import connection, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from scim.models.connection import Connection


class UserCount(models.Model):
    # No constraint and no tenant: the triggers write these rows, and only sums are read.
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    users = models.BigIntegerField()
    # How many were deleted or restored. Those change the number of users before a page.
    moved = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.users:+} users"


TRIGGERS = """
CREATE OR REPLACE FUNCTION scim_user_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before integer := CASE WHEN TG_OP <> 'INSERT' THEN (OLD.deleted_at IS NULL)::integer ELSE 0 END;
    after integer := CASE WHEN TG_OP <> 'DELETE' THEN (NEW.deleted_at IS NULL)::integer ELSE 0 END;
BEGIN
    IF before <> after THEN
        INSERT INTO scim_usercount (connection_id, users, moved)
        VALUES (coalesce(NEW.connection_id, OLD.connection_id), after - before,
                (TG_OP <> 'INSERT')::integer);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER scim_user_count AFTER INSERT OR DELETE OR UPDATE OF deleted_at
    ON scim_scimuser FOR EACH ROW EXECUTE FUNCTION scim_user_count();
"""
COUNT = """
INSERT INTO scim_usercount (connection_id, users, moved)
SELECT connection_id, count(*), 0 FROM scim_scimuser WHERE deleted_at IS NULL GROUP BY connection_id
"""
SUM = """
WITH summed AS (DELETE FROM scim_usercount RETURNING connection_id, users, moved)
INSERT INTO scim_usercount (connection_id, users, moved)
SELECT connection_id, sum(users), sum(moved) FROM summed GROUP BY connection_id
"""


def sum_up() -> None:
    """Replace the rows of each connection by their sum. Rows that others append meanwhile stay."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SUM)


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers and count, in one transaction: writers wait for the count."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TRIGGERS, params=None)
        schema_editor.execute(COUNT)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER scim_user_count ON scim_scimuser")
        schema_editor.execute("DROP FUNCTION scim_user_count")
