"""Invalid settings of `manage.py serve`."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from ramp.processes import end_with_parent
from tests.services.migrated import DATABASE
from tests.services.postgres_redis_smtp import Postgres, Redis, as_ramp, program
from tests.services.server import ROOT

GOOD = {
    "DATABASE_URL": "postgres://ramp@127.0.0.1:1/ramp",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "of the tests",
}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"PORT": "abc"}, "PORT is “abc”. Write a whole number."),
        ({"BEHIND_PROXY": "ture"}, "BEHIND_PROXY is “ture”. Write true or false."),
        ({"SECRET_KEY": "", "VAR_DIR": "/proc/nowhere"}, "VAR_DIR=/proc/nowhere cannot be created"),
        ({}, "the database cannot be used"),
        ({"DATABASE_URL": "postgres://127.0.0.1:1"}, "Check DATABASE_URL"),
        ({"REDIS_URL": "localhost"}, "Write it like redis://redis.internal:6379/0"),
    ],
    ids=str,
)
def test_invalid_setting_is_reported_in_one_line_with_advice(
    value: dict[str, str], reason: str
) -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, **value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr


def serve(settings: Mapping[str, str], prefix: Sequence[str] = ()) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*prefix, sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(end_with_parent, os.getpid()),
    )


def test_port_below_1024_needs_root(postgres: Postgres, redis: Redis) -> None:
    url = as_ramp(postgres.create("low_port", template=DATABASE))
    settings = {"DATABASE_URL": url, "REDIS_URL": redis.url(), "PORT": "80"}
    # The tests may run as root.
    without_capability = (program("setpriv"), "--bounding-set=-net_bind_service")
    prefix = without_capability if os.geteuid() == 0 else ()

    with serve(settings, prefix) as refused:
        _, errors = refused.communicate(timeout=120)

    assert refused.returncode == 1
    assert "Port 80: only root may listen below 1024. Set PORT=8000" in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_redis_that_does_not_answer_is_reported_but_stops_no_page(postgres: Postgres) -> None:
    """Otherwise an outage of Redis would become one of SCIM when a machine restarts."""
    url = as_ramp(postgres.create("no_redis", template=DATABASE))

    with serve({"DATABASE_URL": url, "PORT": "0"}) as started:
        assert started.stderr
        warning = next(line for line in started.stderr if "Redis" in line)
        started.terminate()
        _, errors = started.communicate(timeout=120)

    assert "Redis does not answer" in warning
    assert "Check REDIS_URL" in warning
    assert "Traceback" not in errors


def test_superuser_of_postgresql_is_reported_in_one_line(postgres: Postgres) -> None:
    """An installation that has always used one must start after an upgrade, too."""
    url = postgres.create("as_superuser", template=DATABASE)

    with serve({"DATABASE_URL": url, "PORT": "0"}) as started:
        assert started.stderr
        warning = next(line for line in started.stderr if "superuser" in line)
        started.terminate()
        _, errors = started.communicate(timeout=120)

    assert "The role “postgres” of DATABASE_URL is a superuser" in warning
    assert "DATABASE_ROLE_MAY_BYPASS=true" in warning
    assert "superuser" not in errors


@pytest.mark.django_db
def test_deployment_check_fails_as_a_superuser() -> None:
    with pytest.raises(SystemCheckError, match=r"ramp\.E015"):
        call_command("check", deploy=True, fail_level="ERROR")
