"""Ramp behind PgBouncer in transaction mode, with more clients than connections …"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import httpx
import psycopg
import pytest

from tests.clients.scim import someone
from tests.faults.visitor import Visitor
from tests.services import db
from tests.services.migrated import DATABASE
from tests.services.pgbouncer import CONNECTIONS, PgBouncer
from tests.services.postgres_redis_smtp import Postgres, Redis
from tests.services.server import ROOT, Server

ROLE, NAME = "pooled", "behind_pgbouncer"
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SETTINGS = {"SECRET_KEY": "a key of the tests", "BEHIND_PGBOUNCER": "true"}


@pytest.fixture(scope="module")
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN IN ROLE postgres")
        for limit in LIMITS:
            connection.execute(f"ALTER ROLE {ROLE} SET {limit} = '10s'")
    service = PgBouncer(postgres, ROLE)
    yield service
    service.stop()


@pytest.fixture(scope="module")
def server(
    postgres: Postgres,
    pgbouncer: PgBouncer,
    redis: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    postgres.create(NAME, template=DATABASE)
    server = Server(
        tmp_path_factory.mktemp("pooled"),
        pgbouncer.url(NAME),
        redis.url(15),
        settings=SETTINGS,
        command=("serve",),
    )
    yield server
    server.end()


def test_answers_scim_pages_and_jobs(server: Server, postgres: Postgres) -> None:
    connected = db.connect(server)
    headers = {"Authorization": f"Bearer {connected.token}"}
    with httpx.Client(base_url=server.scim_url, headers=headers, trust_env=False) as scim:
        # More than the threshold from which statements would be prepared.
        ids = [
            scim.post("/Users", json=someone(f"person{number}")).json()["id"] for number in range(6)
        ]
        patch = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
        assert scim.patch(f"/Users/{ids[0]}", json=patch).json()["active"] is False
        assert scim.get("/Users").json()["totalResults"] == len(ids)
    with closing(Visitor(server.url)) as visitor:
        visitor.sign_in(connected.tenant, f"owner@{connected.tenant}.example.com", "correct horse")
        assert "Person5" in visitor.get("/people/").text

    done = json.loads(server.manage("run_due"))["done"]

    assert "scim.tasks.look_again" in done
    with psycopg.connect(postgres.url("postgres")) as connection:
        # PgBouncer has other connections to other databases.
        used = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = %s",
            [ROLE, NAME],
        ).fetchone()
    assert used
    assert 0 < used[0] <= CONNECTIONS


def test_has_the_limits_of_its_role(server: Server) -> None:
    ran = _manage(server, "doctor", "--json")

    findings = json.loads(ran.stdout)["findings"]
    [limits] = [one for one in findings if one["check"] == "timeouts"]
    assert limits["level"] == "OK"


def test_refuses_to_migrate(pgbouncer: PgBouncer, postgres: Postgres, server: Server) -> None:
    postgres.create("behind_pgbouncer_empty")
    empty = pgbouncer.url("behind_pgbouncer_empty")

    ran = _manage(server, "migrate", DATABASE_URL=empty)

    assert ran.returncode == 1
    assert "Migrations do not run through PgBouncer" in ran.stderr


def _manage(server: Server, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=server.environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )
