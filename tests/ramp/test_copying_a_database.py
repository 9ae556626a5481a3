"""Copying the SQLite database into PostgreSQL …"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.services.manage import Manager
from tests.services.migrated import DATABASE, copy_sqlite_file
from tests.services.postgres_redis_smtp import Postgres

KEY: Final = {"SECRET_KEY": "a key of the tests"}
# The copy is another database, and the tables of Django have the rows of its migrations.
DIFFERENT: Final = ("people.installation", "contenttypes", "auth", "admin")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var") / "ramp.sqlite3"


@pytest.fixture(scope="module")
def sqlite(file: Path) -> Iterator[Manager]:
    """A company with its Owner, its history and a connection."""
    copy_sqlite_file(file)
    manager = Manager({**KEY, "DATABASE_URL": f"sqlite:///{file}", "VAR_DIR": str(file.parent)})
    create(manager, "acme")
    manager.run("connect_scim", "acme", "--provider", "okta")
    yield manager
    manager.end()


@pytest.fixture
def postgresql(postgres: Postgres, file: Path, request: pytest.FixtureRequest) -> Iterator[Manager]:
    name = f"copy_{abs(hash(request.node.name))}"
    url = postgres.create(name, template=DATABASE)
    manager = Manager({**KEY, "DATABASE_URL": url, "VAR_DIR": str(file.parent)})
    yield manager
    manager.end()


def create(manager: Manager, slug: str) -> None:
    owner = ("--owner-email", f"owner@{slug}.example.com", "--owner-password", "correct horse")
    manager.run("create_tenant", slug, "--name", "Acme", *owner)


def rows_of(manager: Manager) -> list[Any]:
    excluded = (option for label in DIFFERENT for option in ("--exclude", label))
    rows: list[Any] = json.loads(manager.run("dumpdata", "--all", *excluded))
    return rows


def test_keeps_every_row_as_it_is(sqlite: Manager, postgresql: Manager, file: Path) -> None:
    copied = json.loads(postgresql.run("copy_database", str(file), "--json"))

    before = rows_of(sqlite)
    assert {row["model"] for row in before} >= {"people.event", "scim.token", "people.person"}
    assert rows_of(postgresql) == before
    assert copied["rows"] >= len(before)


def test_lets_new_rows_have_new_ids(sqlite: Manager, postgresql: Manager, file: Path) -> None:
    postgresql.run("copy_database", str(file))

    create(postgresql, "beta")

    tenants = json.loads(postgresql.run("tenants", "--json"))["tenants"]
    assert {tenant["slug"] for tenant in tenants} == {"acme", "beta"}


def test_refuses_a_database_with_rows(sqlite: Manager, postgresql: Manager, file: Path) -> None:
    create(postgresql, "beta")

    with pytest.raises(RuntimeError, match=r"the table \w+ is not empty"):
        postgresql.run("copy_database", str(file))


def test_refuses_a_file_that_does_not_exist(postgresql: Manager, file: Path) -> None:
    with pytest.raises(RuntimeError, match="there is no file"):
        postgresql.run("copy_database", str(file.with_name("other.sqlite3")))


def test_refuses_a_file_of_another_version(postgresql: Manager, tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite3"
    empty.touch()

    with pytest.raises(RuntimeError, match="different versions"):
        postgresql.run("copy_database", str(empty))
