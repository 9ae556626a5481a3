from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class AddIndexOnline(AddIndexConcurrently):
    """Add an index while the version before still writes to the table.

    PostgreSQL builds it concurrently, which needs a migration with `atomic = False`. SQLite has no
    concurrent builds and gets a usual index.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        operation = _operation(schema_editor)
        operation.database_forwards(self, app_label, schema_editor, *states)

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        operation = _operation(schema_editor)
        operation.database_backwards(self, app_label, schema_editor, *states)


def _operation(schema_editor: Any) -> Any:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    return AddIndexConcurrently if is_postgresql else migrations.AddIndex
