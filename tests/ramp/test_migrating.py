"""The command `migrate`."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from people.db import state_trigger
from provisioning.models import identity_trigger
from tests.services.migrated import DATABASE, copy_sqlite_file
from tests.services.postgres_redis_smtp import Postgres
from tests.services.server import ROOT

pytestmark = pytest.mark.django_db

TRIGGERS = {"person_state_moves", "identity_stays"}


def test_refuses_a_database_with_migrations_of_a_development_version() -> None:
    MigrationRecorder(connection).record_applied("people", "0002_terminated_is_final")

    with pytest.raises(CommandError, match="Create an empty database"):
        call_command("migrate", verbosity=0)


def test_triggers_exist_after_migrating() -> None:
    triggers = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(triggers)
        found = {name for (name,) in cursor.fetchall()}

    assert found >= TRIGGERS


def test_triggers_exist_after_migrating_sqlite(tmp_path: Path) -> None:
    """SQLite drops the triggers of a table that a migration rebuilds."""
    copy_sqlite_file(tmp_path / "ramp.sqlite3")

    with closing(sqlite3.connect(tmp_path / "ramp.sqlite3")) as database:
        found = {
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        }

    assert found >= TRIGGERS


# On SQLite, the schema editor does not work inside a transaction.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("module", [state_trigger, identity_trigger])
def test_creating_an_existing_trigger_succeeds(module: ModuleType) -> None:
    with connection.schema_editor() as editor:
        module.create(apps, editor)


def test_two_machines_can_migrate_at_once(postgres: Postgres, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": postgres.create("migrated_twice"), "VAR_DIR": str(tmp_path)}
    machines = [
        subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [machine.communicate()[1] for machine in machines]

    assert [machine.returncode for machine in machines] == [0, 0], errors


def test_no_empty_table_has_statistics_that_call_it_empty(postgres: Postgres) -> None:
    """With them, PostgreSQL plans sequential scans for the first thousands of rows."""
    url = postgres.create("just_migrated", template=DATABASE)
    with psycopg.connect(url) as connected:
        analyzed = connected.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples = 0"
            " AND relnamespace = 'public'::regnamespace"
        ).fetchall()

    assert analyzed == []
