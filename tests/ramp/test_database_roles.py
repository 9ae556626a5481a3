"""The roles of PostgreSQL that deploy/roles.sql creates."""

import os
import subprocess

import psycopg

from people.db import app_role
from tests.services.postgres_redis_smtp import POSTGRES, Postgres, program
from tests.services.server import ROOT


def test_neither_role_may_do_everything_and_searches_use_indexes() -> None:
    postgres = Postgres()
    try:
        subprocess.run(
            [program("psql", folders=POSTGRES), "--quiet", f"--dbname={postgres.url('postgres')}"],
            env=os.environ | {"RAMP_OWNER_PASSWORD": "it's", "RAMP_APP_PASSWORD": "other"},
            input=(ROOT / "deploy/roles.sql").read_bytes(),
            check=True,
        )
        with psycopg.connect(postgres.url("ramp")) as connection:
            roles = connection.execute(
                "SELECT rolname, rolsuper OR rolbypassrls, datdba = r.oid FROM pg_roles r,"
                " pg_database WHERE datname = 'ramp' AND rolname IN ('ramp', 'ramp_app')"
                " ORDER BY rolname"
            ).fetchall()
            leaky = connection.execute(
                "SELECT f FROM unnest(%s::text[]) f WHERE NOT (SELECT proleakproof FROM pg_proc"
                " WHERE oid = f::regprocedure)",
                [list(app_role.INDEXED_FUNCTIONS)],
            ).fetchall()
    finally:
        postgres.stop()

    assert roles == [("ramp", False, True), ("ramp_app", False, False)]
    assert leaky == []
