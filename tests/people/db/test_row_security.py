"""A database role that row-level security limits …"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from django.apps import apps
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege, IntegrityError

from people.db import row_policies, tenant_references
from people.db.app_role import ATTEMPTS
from people.db.owned_tables import TENANTS
from people.db.row_policies import EVENTS
from tests.services.manage import ROOT, Manager
from tests.services.migrated import DATABASE
from tests.services.postgres_redis_smtp import Postgres

ROLE: Final = "ramp_limited"
TABLES: Final = sorted({policy.table for policy in row_policies.policies()} - {TENANTS})
OWNED: Final = sorted(
    {
        model._meta.db_table
        for model in apps.get_models()
        if any(field.name == "tenant" for field in model._meta.fields)
    }
)
ADD: Final = "INSERT INTO {} (tenant_id) VALUES (%s)"
# The only column of the history that the role may change.
MAY_CHANGE: Final = {EVENTS: "dispatched_at", ATTEMPTS: "outcome"}
COUNT: Final = "SELECT count(*) FROM {}"
COUNT_OF_TENANT: Final = "SELECT count(*) FROM {} WHERE tenant_id = {}"
# Without a change, because the rows of the tenant may not even be found.
UPDATE: Final = "UPDATE {0} SET {1} = {1} WHERE tenant_id = {2}"
DELETE: Final = "DELETE FROM {0} WHERE tenant_id = {2} AND {1} IS NOT DISTINCT FROM {1}"

# No unique constraint refuses a row that is moved to a tenant without rows.
EMPTY_TENANT: Final = """
    INSERT INTO people_tenant
    SELECT (jsonb_populate_record(t, '{"id": 99, "slug": "empty", "owner_id": null,
        "default_entity_id": null}')).*
      FROM people_tenant t ORDER BY id LIMIT 1
    RETURNING id
"""


@dataclass
class Limited:
    """A database with the companies a and b, made by the limited role itself."""

    connection: psycopg.Connection[tuple[Any, ...]]
    owner: psycopg.Connection[tuple[Any, ...]]
    a: int
    b: int

    def rows(self, sql: str, *values: Any, tenant: int | str = "") -> list[tuple[Any, ...]]:
        """Run the statement as the limited role, and undo it."""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute("SELECT set_config('ramp.tenant', %s, true)", [str(tenant)])
            answer = self.connection.execute(sql.encode(), values)
            return answer.fetchall() if answer.description else [(answer.rowcount,)]

    def refuses(self, sql: str, *values: Any, tenant: int | str = "") -> bool:
        """Tell whether row-level security refuses the statement."""
        try:
            self.rows(sql, *values, tenant=tenant)
        except InsufficientPrivilege as error:
            return "row-level security" in str(error)
        except IntegrityError:
            return False
        return False


@pytest.fixture(scope="module")
def limited(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    owner_url = postgres.create("limited", template=DATABASE)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
    url = owner_url.replace("postgres@", f"{ROLE}@")
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path_factory.mktemp("limited")),
        "SECRET_KEY": "of the tests",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "ramp.settings",
    }
    manager = Manager(environment | {"DATABASE_URL": owner_url})
    manager.run("row_security", "--role", ROLE)
    manager.end()
    company = partial(_company, environment | {"DATABASE_URL": url})
    tenants = company("a"), company("b")
    with psycopg.connect(url) as connection, psycopg.connect(owner_url) as owner:
        yield Limited(connection, owner, *tenants)


def _company(environment: dict[str, str], slug: str) -> int:
    """Create a company with a row of everything, in a process that connects as the role."""
    command = [sys.executable, "-m", "tests.faults.cast", slug, slug]
    made = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    tenant_id: int = json.loads(made.stdout)["tenant_id"]
    return tenant_id


def test_is_limited_in_every_table_that_is_not_shared() -> None:
    """A new table needs a tenant, a parent that has one, or an entry in SHARED."""
    assert row_policies.without_policy() == set()


def test_reads_nothing_while_no_tenant_is_in_force(limited: Limited) -> None:
    shown = [table for table in TABLES if limited.rows(COUNT.format(table)) != [(0,)]]

    assert shown == []


def test_adds_nothing_while_no_tenant_is_in_force(limited: Limited) -> None:
    added = [table for table in OWNED if not limited.refuses(ADD.format(table), limited.a)]

    assert added == []


def test_adds_nothing_to_another_tenant(limited: Limited) -> None:
    added = [
        table
        for table in OWNED
        if not limited.refuses(ADD.format(table), limited.b, tenant=limited.a)
    ]

    assert added == []


def test_adds_rows_to_the_tenant_in_force(limited: Limited) -> None:
    refused = [
        table for table in OWNED if limited.refuses(ADD.format(table), limited.a, tenant=limited.a)
    ]

    assert refused == []


def test_reads_all_rows_of_the_tenant_in_force_and_no_others(limited: Limited) -> None:
    for table in OWNED:
        sql = COUNT_OF_TENANT.format(table, limited.a)
        there = limited.owner.execute(sql.encode()).fetchall()

        assert limited.rows(COUNT.format(table), tenant=limited.a) == there, table


def test_changes_and_deletes_nothing_of_another_tenant(limited: Limited) -> None:
    for table in OWNED:
        column = MAY_CHANGE.get(table, "tenant_id")

        for statement in (UPDATE,) if table == ATTEMPTS else (UPDATE, DELETE):
            sql = statement.format(table, column, limited.b)
            assert limited.rows(sql, tenant=limited.a) == [(0,)], sql


def test_does_not_move_a_row_to_another_tenant(limited: Limited) -> None:
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        limited.rows("UPDATE people_card SET tenant_id = %s", limited.b, tenant=limited.a)


def test_reads_the_rows_that_belong_to_a_tenant_by_their_parent(limited: Limited) -> None:
    sql = "SELECT count(*) FROM scim_scimuserelement"
    ours, theirs, all_rows = (
        limited.rows(sql, tenant=tenant)[0][0] for tenant in (limited.a, limited.b, 0)
    )

    assert ours > 0
    assert theirs > 0
    assert ours + theirs == all_rows


def test_adds_no_row_to_a_parent_of_another_tenant(limited: Limited) -> None:
    [(user,)] = limited.rows("SELECT min(id) FROM scim_scimuser", tenant=limited.b)

    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        limited.rows(
            "INSERT INTO scim_scimuserelement (user_id) VALUES (%s)", user, tenant=limited.a
        )


def test_refers_to_no_row_of_another_tenant(limited: Limited) -> None:
    """Not even the owner of the tables does."""
    refused, moved = set(), set()
    for one in tenant_references.references():
        with limited.owner.transaction(force_rollback=True):
            # The triggers keep some rows as they are.
            limited.owner.execute(f"ALTER TABLE {one.table} DISABLE TRIGGER USER".encode())
            limited.owner.execute(EMPTY_TENANT)
            if limited.owner.execute(_away(one).encode()).rowcount:
                moved.add(one.name)
            with suppress(ForeignKeyViolation):
                limited.owner.execute(f"SET CONSTRAINTS {one.name} IMMEDIATE".encode())
                continue
            refused.add(one.name)

    assert "same_tenant_people_tenant_owner_id" in moved
    assert "same_tenant_scim_scimuser_person_id" in moved
    assert refused == moved


def _away(one: tenant_references.Reference) -> str:
    """Return SQL after which a row and the one that it refers to are of different tenants."""
    table, column = one.table, one.column
    if table == TENANTS:
        other = f"SELECT o.{column} FROM {table} o WHERE o.id <> t.id LIMIT 1"  # noqa: S608
        return f"UPDATE {table} t SET {column} = ({other}) WHERE {column} IS NOT NULL"  # noqa: S608
    row = f"SELECT ctid FROM {table} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608
    return f"UPDATE {table} SET {one.tenant} = 99 WHERE ctid = ({row})"  # noqa: S608


def test_finds_every_tenant_but_changes_only_the_one_in_force(limited: Limited) -> None:
    slugs = "SELECT array_agg(slug ORDER BY slug) FROM people_tenant"
    rename = "UPDATE people_tenant SET name = name"

    assert limited.rows(slugs) == limited.rows(slugs, tenant=limited.a) == [(["a", "b"],)]
    assert limited.rows(rename) == [(0,)]
    assert limited.rows(rename, tenant=limited.a) == [(1,)]
    assert limited.refuses("INSERT INTO people_tenant (slug) VALUES ('c')", tenant=limited.a)


@pytest.mark.parametrize("column", ["kind", "facts", "actor", "happened_at", "tenant_id"])
def test_does_not_change_what_an_event_says(limited: Limited, column: str) -> None:
    for tenant in (limited.a, 0):
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            limited.rows(UPDATE.format(EVENTS, column, limited.a), tenant=tenant)


def test_deletes_no_event(limited: Limited) -> None:
    for tenant in (limited.a, 0):
        assert limited.rows(DELETE.format(EVENTS, "kind", limited.a), tenant=tenant) == [(0,)]


@pytest.mark.parametrize("column", ["reason", "person_id", "ip", "at", "tenant_id"])
def test_does_not_change_what_a_sign_in_attempt_says(limited: Limited, column: str) -> None:
    for tenant in (limited.a, 0):
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            limited.rows(UPDATE.format(ATTEMPTS, column, limited.a), tenant=tenant)


def test_deletes_no_sign_in_attempt(limited: Limited) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        limited.rows(DELETE.format(ATTEMPTS, "reason", limited.a), tenant=limited.a)


def test_makes_no_company_a_sandbox_whose_events_it_could_delete(limited: Limited) -> None:
    for tenant in (limited.a, 0):
        with pytest.raises(InsufficientPrivilege, match="permission denied"):
            limited.rows("UPDATE people_tenant SET is_sandbox = true", tenant=tenant)


@pytest.mark.parametrize(
    "sql", [f"TRUNCATE {EVENTS}", "DROP POLICY ramp_tenant ON people_card", "SET ROLE postgres"]
)
def test_cannot_take_its_limits_away(limited: Limited, sql: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        limited.rows(sql, tenant=limited.a)


def test_keeps_the_rows_of_an_open_cursor(limited: Limited) -> None:
    """A job iterates over all tenants, and puts each in force in turn."""
    with limited.connection.transaction(force_rollback=True):
        limited.connection.execute("SELECT set_config('ramp.tenant', '0', true)")
        with limited.connection.cursor("everybody") as cursor:
            cursor.execute("SELECT DISTINCT tenant_id FROM people_card ORDER BY 1")
            first = cursor.fetchone()
            limited.connection.execute("SELECT set_config('ramp.tenant', '99', true)")
            rest = cursor.fetchall()

    assert [first, *rest] == [(limited.a,), (limited.b,)]
