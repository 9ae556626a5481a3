"""Builds and drops indexes of large tables without blocking writers.

Django's AddIndexConcurrently fails on SQLite, on which Ramp's migrations also run, and Django has
no such operation for unique constraints.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState


def analyze(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Collect the statistics of the table, unless it is empty.

    PostgreSQL believes an analyzed empty table to be empty until the next analysis. The first
    people of an installation would be found by sequential scans, by all of its prepared plans.
    """
    if schema_editor.collect_sql:
        # `sqlmigrate` shows the statements; the table may not exist yet.
        schema_editor.execute(f'ANALYZE "{table}"')
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")')  # noqa: S608
        [has_rows] = cursor.fetchone()
        if has_rows:
            cursor.execute(f'ANALYZE "{table}"')


class AddLargeIndex(AddIndex):
    """Add an index, on PostgreSQL concurrently. The migration needs `atomic = False`.

    https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            # An earlier attempt that was interrupted leaves an invalid index of this name.
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.index.name}"')
            schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
            # An expression has no statistics before, so PostgreSQL might not use the index.
            if self.index.expressions:
                analyze(schema_editor, model._meta.db_table)


class RemoveLargeIndex(RemoveIndex):
    """Remove an index, on PostgreSQL concurrently. The migration needs `atomic = False`."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.name}"')


class AddLargeUniqueConstraint(AddConstraint):
    """Add a unique constraint with a condition, on PostgreSQL as `AddLargeIndex` adds an index.

    PostgreSQL implements such a constraint as a unique index.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self.constraint.name}"')
            create = str(self.constraint.create_sql(model, schema_editor))
            schema_editor.execute(create.replace(" INDEX ", " INDEX CONCURRENTLY ", 1), params=None)
