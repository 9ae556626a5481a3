"""Builds and drops indexes of large tables without blocking writers.

Django's AddIndexConcurrently fails on SQLite, on which Ramp's migrations also run, and Django has
no such operation for unique constraints.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState


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
            if self.index.expressions:
                # An expression has no statistics before, so PostgreSQL might not use the index.
                schema_editor.execute(f'ANALYZE "{model._meta.db_table}"')


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
