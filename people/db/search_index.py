"""The trigram index that finds people by parts of their names and addresses, on PostgreSQL.

`PersonQuerySet.matching` compares `UPPER(column) LIKE '%…%'`, for which a B-tree is of no use. The
extension pg_trgm is part of PostgreSQL, and the owner of a database may create it. Where it cannot
be created, the search works without the index, but reads all people of the company.
"""

import logging

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

log = logging.getLogger(__name__)

INDEX = """
CREATE INDEX CONCURRENTLY person_search ON people_person USING gin (
    UPPER(given_name::text) gin_trgm_ops,
    UPPER(family_name::text) gin_trgm_ops,
    UPPER(email::text) gin_trgm_ops
)
"""


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the index without blocking writes, so outside of a transaction."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError as error:
            log.warning(
                "The search of people is slow without the extension pg_trgm: %s. Create it as an "
                "administrator of the database, then run: %s",
                str(error).strip(),
                " ".join(INDEX.split()),
            )
            return
        # An interrupted creation leaves an invalid index.
        cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS person_search")
        cursor.execute(INDEX)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the index. The extension stays, because it may have been there before."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS person_search")
