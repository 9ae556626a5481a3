from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model
from django.db.models.sql import InsertQuery

from people import tenancy
from people.management.operator_command import OperatorCommand
from people.operations import restores

SOURCE: Final = "source"
BATCH: Final = 500
# `migrate` fills these tables, and Ramp stores nothing of its own in them.
FILLED_BY_DJANGO: Final = ("contenttypes", "auth", "admin")


class Command(OperatorCommand):
    help = (
        "Copy everything from a SQLite file into the empty PostgreSQL database of DATABASE_URL, "
        "with the same ids. Stop Ramp first. See docs/operating.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="such as var/ramp.sqlite3")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Nothing was copied: set DATABASE_URL to a PostgreSQL database.")
        _open(options["file"])
        _check_versions()
        try:
            # Writers of the SQLite file wait until the end of the first transaction.
            with transaction.atomic(using=SOURCE), transaction.atomic(), tenancy.across_tenants():
                copied = _copy()
        except DatabaseError as error:
            raise CommandError(f"Nothing was copied: {str(error).strip()}") from error
        # Nothing is missing in the copy, so nothing has to end or to be held.
        restores.accept_database()
        rows = sum(copied.values())
        lines = [f"{rows} rows of {len(copied)} tables were copied."]
        self.show({"rows": rows, "tables": copied}, lines, as_json=options["json"])


def _open(file: Path) -> None:
    """Make the file the database `source`.

    :raises CommandError: if there is no such file. SQLite would create it.
    """
    if not file.is_file():
        raise CommandError(f"Nothing was copied: there is no file {file}.")
    settings = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
    both = {"default": connections.settings["default"], SOURCE: settings}
    connections.settings[SOURCE] = connections.configure_settings(both)[SOURCE]


def _check_versions() -> None:
    """Check that both databases have the same tables.

    :raises CommandError: if a migration is missing in one of them.
    """
    there, here = (
        set(MigrationRecorder(connections[alias]).applied_migrations())
        for alias in (SOURCE, "default")
    )
    if there != here or not here:
        raise CommandError(
            "Nothing was copied: the databases are those of different versions. Run `manage.py "
            "migrate` with each of them, with the same version of Ramp."
        )


def _copy() -> dict[str, int]:
    """Copy all tables, and return their numbers of rows.

    :raises CommandError: if there are rows already.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    models = list(_models())
    for model in models:
        if model._base_manager.exists():
            raise CommandError(
                f"Nothing was copied: the table {model._meta.db_table} is not empty. Create an "
                "empty database, and run `manage.py migrate` with it."
            )
    copied = {model._meta.db_table: _copy_table(model) for model in models}
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
    return copied


def _models() -> Iterator[type[Model]]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and model._meta.app_label not in FILLED_BY_DJANGO:
            yield model


def _copy_table(model: type[Model]) -> int:
    # PostgreSQL checks references at the end of the transaction, so the order does not matter.
    rows = model._base_manager.using(SOURCE).order_by("pk").iterator(BATCH)
    count = 0
    while batch := list(islice(rows, BATCH)):
        query = InsertQuery(model)
        # Raw: the times of creation and change stay those of the original.
        query.insert_values(model._meta.concrete_fields, batch, raw=True)
        query.get_compiler(connection=connection).execute_sql()
        count += len(batch)
    return count
