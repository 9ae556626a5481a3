"""The command `migrate` …"""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

pytestmark = pytest.mark.django_db


def test_refuses_a_database_of_an_earlier_development_version() -> None:
    MigrationRecorder(connection).record_applied("people", "0002_terminated_is_final")

    with pytest.raises(CommandError, match="Create an empty database"):
        call_command("migrate", verbosity=0)


def test_leaves_a_trigger_that_keeps_terminated_people_out() -> None:
    triggers = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(triggers)
        found = {name for (name,) in cursor.fetchall()}

    assert {"person_state_moves", "identity_stays"} <= found
