"""A base backup and the archived write-ahead log restore the moment before a mistake."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from tests.services.manage import Manager
from tests.services.migrated import DATABASE, copy_postgres_data
from tests.services.postgres_redis_smtp import HASTY, POSTGRES, Postgres, as_postgres, program
from tests.services.process import within

ARCHIVING: Final = {"wal_level": "replica", "max_wal_senders": "3", "archive_mode": "on"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return the folder of the backups, which PostgreSQL may write, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="ramp-backup-"))
    as_postgres(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def source(folder: Path) -> Iterator[Postgres]:
    """A server that archives its write-ahead log, as docs/operating.md says."""
    command = f"test ! -f {folder}/wal-%f && cp %p {folder}/wal-%f"
    settings = {**HASTY, **ARCHIVING, "archive_command": command}
    server = Postgres(settings, create_data=copy_postgres_data)
    yield server
    server.stop()


def manager(server: Postgres, folder: Path) -> Manager:
    url, key = server.url(DATABASE), "a key of the tests"
    return Manager({"DATABASE_URL": url, "SECRET_KEY": key, "VAR_DIR": str(folder / "var")})


def is_writable(server: Postgres) -> bool:
    with psycopg.connect(server.url(DATABASE)) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)


def companies(ramp: Manager) -> dict[str, str]:
    tenants = json.loads(ramp.run("tenants", "--closed", "--json"))["tenants"]
    return {tenant["name"]: tenant["status"] for tenant in tenants}


def create(ramp: Manager, name: str) -> None:
    owner = ("--owner-email", f"o@{name}.example.com", "--owner-password", "correct horse")
    ramp.run("create_tenant", name, "--name", name, *owner)


def test_restore_of_a_moment(source: Postgres, folder: Path) -> None:
    ramp = manager(source, folder)
    create(ramp, "acme")
    options: dict[str, Any] = as_postgres(folder)
    base = folder / "base"
    backup = [program("pg_basebackup", folders=POSTGRES), f"--pgdata={base}", "--checkpoint=fast"]
    subprocess.run([*backup, f"--dbname={source.url('postgres')}"], check=True, **options)
    create(ramp, "beta")
    with psycopg.connect(source.url(DATABASE), autocommit=True) as connection:
        [moment] = connection.execute("SELECT clock_timestamp()").fetchone() or [None]
    ramp.run("close_tenant", "beta", "--yes")
    assert companies(ramp) == {"acme": "active", "beta": "closed"}
    ramp.end()
    # The rest of the log is archived when the server ends.
    source.shut_down()

    def restore(data: Path) -> None:
        subprocess.run(["cp", "-a", base, data], check=True, **options)
        subprocess.run(["touch", data / "recovery.signal"], check=True, **options)

    restored = Postgres(
        {
            **HASTY,
            "restore_command": f"cp {folder}/wal-%f %p",
            "recovery_target_time": str(moment),
            "recovery_target_action": "promote",
        },
        create_data=restore,
    )
    try:
        # It can be read before it has replayed the whole log, and accepts writes afterwards.
        within(60, lambda: is_writable(restored))
        ramp = manager(restored, folder)
        assert companies(ramp) == {"acme": "active", "beta": "active"}
        held = json.loads(ramp.run("restored", "--yes", "--json"))
        assert held["held_since"]
        ramp.end()
    finally:
        restored.stop()
