"""The column and the indexes by which filters find users by parts of their names, on PostgreSQL.

An index on the document would be changed by every write, and so would all other indexes of the
row, because it would no longer be updated in place (see `user_storage`). So a trigger copies the
few values that name a user, and that seldom change, to a column of their own. Its trigram index
changes only with them. The other attributes, such as the title, have no index.

The column is in no model, because only conditions read it. Where the extension pg_trgm cannot be
created, the filters work without the indexes, but read all users of the connection.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from people.db.index_operations import analyze

# The attributes of the document that the column contains.
INDEXED = frozenset({"name", "displayName", "nickName", "externalId"})
COLUMN = """
ALTER TABLE scim_scimuser ADD COLUMN IF NOT EXISTS search_text text;
CREATE OR REPLACE FUNCTION scim_user_search_text(document jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower((
        jsonb_path_query_array(document, '$.name.*')
        || jsonb_path_query_array(document, '$.displayName')
        || jsonb_path_query_array(document, '$.nickName')
        || jsonb_path_query_array(document, '$.externalId')
    )::text)
$$;
CREATE OR REPLACE FUNCTION scim_user_set_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search_text := scim_user_search_text(NEW.document);
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER scim_user_search_text BEFORE INSERT OR UPDATE OF document
    ON scim_scimuser FOR EACH ROW EXECUTE FUNCTION scim_user_set_search_text();
"""
# In batches, so that no write waits long.
FILL = """
WITH filled AS (
    UPDATE scim_scimuser SET search_text = scim_user_search_text(document)
     WHERE id IN (SELECT id FROM scim_scimuser WHERE id > %s ORDER BY id LIMIT 10000)
    RETURNING id)
SELECT max(id) FROM filled
"""
INDEXES = {
    "scim_user_search": """
        CREATE INDEX CONCURRENTLY scim_user_search ON scim_scimuser
            USING gin (search_text gin_trgm_ops, user_name_key gin_trgm_ops)
            WHERE deleted_at IS NULL
    """,
    "scim_user_element_search": """
        CREATE INDEX CONCURRENTLY scim_user_element_search ON scim_scimuserelement
            USING gin (value_key gin_trgm_ops) WHERE NOT value_key = ''
    """,
}


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create and fill the column without blocking writes, so outside of a transaction."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(COLUMN)
        last: int | None = 0
        while last is not None:
            cursor.execute(FILL, [last])
            [last] = cursor.fetchone()
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone():
            for name, statement in INDEXES.items():
                # An interrupted creation leaves an invalid index.
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                cursor.execute(statement)
            for table in ("scim_scimuser", "scim_scimuserelement"):
                analyze(schema_editor, table)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.execute(
            "DROP TRIGGER scim_user_search_text ON scim_scimuser;"
            "DROP FUNCTION scim_user_set_search_text, scim_user_search_text;"
            "ALTER TABLE scim_scimuser DROP COLUMN search_text",
            params=None,
        )
