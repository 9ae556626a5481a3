from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRESQL = """
CREATE FUNCTION provisioning_identity_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING
        CONSTRAINT = 'identity_stays',
        MESSAGE = 'an identity keeps its provider, its subject and its person';
END $$;
CREATE TRIGGER identity_stays BEFORE UPDATE ON provisioning_identity FOR EACH ROW
    WHEN (OLD.provider_id <> NEW.provider_id OR OLD.subject <> NEW.subject
          OR OLD.person_id <> NEW.person_id OR OLD.tenant_id <> NEW.tenant_id)
    EXECUTE FUNCTION provisioning_identity_stays();
"""

SQLITE = """
CREATE TRIGGER identity_stays
    BEFORE UPDATE OF provider_id, subject, person_id, tenant_id ON provisioning_identity
    WHEN OLD.provider_id <> NEW.provider_id OR OLD.subject <> NEW.subject
         OR OLD.person_id <> NEW.person_id OR OLD.tenant_id <> NEW.tenant_id
    BEGIN SELECT RAISE(ABORT, 'an identity keeps its provider, its subject and its person'); END;
"""


def guard(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRESQL if is_postgresql else SQLITE, params=None)


def unguard(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER identity_stays ON provisioning_identity")
        schema_editor.execute("DROP FUNCTION provisioning_identity_stays")
    else:
        schema_editor.execute("DROP TRIGGER identity_stays")


class Migration(migrations.Migration):
    """Who could point an identity at somebody else could sign in as them (CVE-2026-49443).

    SQLite forgets triggers when Django rebuilds the table, as most changes to it make it do
    there: such a migration has to end with `guard` again.
    """

    dependencies = [("provisioning", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
