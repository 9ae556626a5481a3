from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRESQL = """
CREATE FUNCTION people_person_state_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING
        CONSTRAINT = 'person_state_moves',
        MESSAGE = format('a person cannot go from %s to %s', OLD.state, NEW.state);
END $$;
CREATE TRIGGER person_state_moves BEFORE UPDATE OF state ON people_person FOR EACH ROW
    WHEN (OLD.state = 'terminated' AND NEW.state <> 'terminated'
          OR OLD.state = 'active' AND NEW.state = 'invited')
    EXECUTE FUNCTION people_person_state_moves();
"""

SQLITE = """
CREATE TRIGGER person_state_moves BEFORE UPDATE OF state ON people_person
    WHEN OLD.state = 'terminated' AND NEW.state <> 'terminated'
         OR OLD.state = 'active' AND NEW.state = 'invited'
    BEGIN SELECT RAISE(ABORT, 'a person cannot go back to this state'); END;
"""


def guard(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
    else:
        schema_editor.execute(SQLITE, params=None)


def unguard(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER person_state_moves ON people_person")
        schema_editor.execute("DROP FUNCTION people_person_state_moves")
    else:
        schema_editor.execute("DROP TRIGGER person_state_moves")


class Migration(migrations.Migration):
    """A check constraint cannot see the row as it was; this trigger can.

    Whatever code forgets, nobody comes back from termination, and nobody who joined is
    merely invited again.

    SQLite forgets triggers when Django rebuilds the table, as most changes to it make it do
    there: such a migration has to end with `guard` again.
    """

    dependencies = [("people", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
