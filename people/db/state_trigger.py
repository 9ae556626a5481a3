"""The trigger that refuses forbidden changes of a person's state.

A check constraint cannot compare a row with its previous values, but a trigger can. It refuses
to reactivate a terminated person, and to set a person who has joined back to invited.

SQLite drops the triggers of a table when Django rebuilds it, as most schema changes there do:
a migration that changes `Person` ends with `create`, which may run again. A test checks that the
trigger is there after all migrations, on both databases.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRESQL = """
CREATE OR REPLACE FUNCTION people_person_state_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING
        CONSTRAINT = 'person_state_moves',
        MESSAGE = format('a person cannot go from %s to %s', OLD.state, NEW.state);
END $$;
CREATE OR REPLACE TRIGGER person_state_moves BEFORE UPDATE OF state ON people_person FOR EACH ROW
    WHEN (OLD.state = 'terminated' AND NEW.state <> 'terminated'
          OR OLD.state = 'active' AND NEW.state = 'invited')
    EXECUTE FUNCTION people_person_state_moves();
"""

SQLITE = """
CREATE TRIGGER IF NOT EXISTS person_state_moves BEFORE UPDATE OF state ON people_person
    WHEN OLD.state = 'terminated' AND NEW.state <> 'terminated'
         OR OLD.state = 'active' AND NEW.state = 'invited'
    BEGIN SELECT RAISE(ABORT, 'a person cannot go back to this state'); END;
"""


def create(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRESQL if is_postgresql else SQLITE, params=None)


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER person_state_moves ON people_person")
        schema_editor.execute("DROP FUNCTION people_person_state_moves")
    else:
        schema_editor.execute("DROP TRIGGER person_state_moves")
