"""Invalid settings of `manage.py serve`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from tests.services.postgres_redis_smtp import Postgres
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


def test_superuser_of_postgresql_is_refused_in_one_line(postgres: Postgres, tmp_path: Path) -> None:
    url = {"DATABASE_URL": postgres.url("postgres"), "VAR_DIR": str(tmp_path)}
    refused = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, **url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "The role “postgres” of DATABASE_URL is a superuser" in refused.stderr
    assert "DATABASE_ROLE_MAY_BYPASS=true" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr


@pytest.mark.django_db
def test_deployment_check_fails_as_a_superuser() -> None:
    with pytest.raises(SystemCheckError, match=r"ramp\.E015"):
        call_command("check", deploy=True, fail_level="ERROR")
