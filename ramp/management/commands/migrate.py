import time
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from people.db import app_role, tenant_references

# The number of the advisory lock is arbitrary, but the same in all versions of Ramp.
LOCK = 7_268_112
# Earlier migrations were squashed into one for each app, with other names of tables.
SQUASHED = ("people", "0002_terminated_is_final")


class Command(migrate.Command):
    """Django's command, without the statement timeout that requests have."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        check_is_not_squashed(connection)
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        if settings.BEHIND_PGBOUNCER:
            self._check_is_migrated(connection)
            return
        # The lock timeout stays: all later statements on a table wait behind a waiting migration.
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
        try:
            wait_for_other_machines(connection)
            super().handle(*args, **options)
            # With the name of an app, tables of other models may be missing.
            if not options["app_label"] and app_role.owns_tables():
                self._protect_tenants()
        finally:
            connection.close()

    def _protect_tenants(self) -> None:
        app_role.renew()
        if violated := tenant_references.create():
            columns = ", ".join(f"{one.table}.{one.column}" for one in violated)
            self.stderr.write(
                f"Stored rows refer to rows of another company: {columns}. No new ones can be "
                "stored. docs/operating.md says how to find them."
            )

    def _check_is_migrated(self, connection: BaseDatabaseWrapper) -> None:
        """Check that there is nothing to do, because migrations need settings of a connection.

        :raises CommandError: if a migration is missing.
        """
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(
                "Migrations do not run through PgBouncer. Run `manage.py migrate` with the "
                "DATABASE_URL of PostgreSQL itself and BEHIND_PGBOUNCER=false."
            )
        self.stdout.write("All migrations are applied.")


def wait_for_other_machines(connection: BaseDatabaseWrapper) -> None:
    """Wait until no other machine migrates. Closing the connection lets the next one go on.

    A statement that waits for the lock would be waited for by CREATE INDEX CONCURRENTLY of the
    machine that has the lock: a deadlock.
    """
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if cursor.fetchone() == (True,):
                return
            time.sleep(1)


def check_is_not_squashed(connection: BaseDatabaseWrapper) -> None:
    """Refuse a database whose tables still have the names of development versions.

    :raises CommandError: if the database is that old.
    """
    if SQUASHED in MigrationRecorder(connection).applied_migrations():
        raise CommandError(
            "This database was created by an earlier development version, whose tables have other "
            "names. Create an empty database, set DATABASE_URL to it, and run the command again; "
            "on the embedded default, move ramp.sqlite3 out of the folder var. Then "
            "create the tenants and connections; a full push of each provider fills them."
        )
