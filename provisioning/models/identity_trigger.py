"""The trigger that keeps an identity with its provider, its subject and its person.

Code that could point an identity at another person could sign in as them (CVE-2026-49443).

SQLite drops the triggers of a table when Django rebuilds it, as most schema changes there do:
a migration that changes `Identity` ends with `create`, which may run again. A test checks that
the trigger is there after all migrations, on both databases.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRESQL = """
CREATE OR REPLACE FUNCTION provisioning_identity_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING
        CONSTRAINT = 'identity_stays',
        MESSAGE = 'an identity keeps its provider, its subject and its person';
END $$;
CREATE OR REPLACE TRIGGER identity_stays BEFORE UPDATE ON provisioning_identity FOR EACH ROW
    WHEN (OLD.provider_id <> NEW.provider_id OR OLD.subject <> NEW.subject
          OR OLD.person_id <> NEW.person_id OR OLD.tenant_id <> NEW.tenant_id)
    EXECUTE FUNCTION provisioning_identity_stays();
"""

SQLITE = """
CREATE TRIGGER IF NOT EXISTS identity_stays
    BEFORE UPDATE OF provider_id, subject, person_id, tenant_id ON provisioning_identity
    WHEN OLD.provider_id <> NEW.provider_id OR OLD.subject <> NEW.subject
         OR OLD.person_id <> NEW.person_id OR OLD.tenant_id <> NEW.tenant_id
    BEGIN SELECT RAISE(ABORT, 'an identity keeps its provider, its subject and its person'); END;
"""


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRESQL if is_postgresql else SQLITE, params=None)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER identity_stays ON provisioning_identity")
        schema_editor.execute("DROP FUNCTION provisioning_identity_stays")
    else:
        schema_editor.execute("DROP TRIGGER identity_stays")
