"""Invalid settings of `manage.py serve`."""

import os
import subprocess
import sys

import pytest

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
