"""Requests that Schemathesis makes from the schema …"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from people.models import Person, Scope
from people.operations import api_tokens
from tests.api.test_scopes import NEEDED
from tests.clients import spend
from tests.factories import core

ROOT = Path(__file__).resolve().parents[2]
# CONTRIBUTING.md tells how to run it for longer. Otherwise every run makes the same requests.
SECONDS = os.environ.get("SCHEMATHESIS_SECONDS")
SAME = ("--seed", "1", "--max-examples", "5", "--generation-deterministic")
OPTIONS = ("--max-time", SECONDS) if SECONDS else SAME


@pytest.mark.slow
def test_are_answered_as_the_schema_says(
    owner: Person, ada: Person, live_server: LiveServer, settings: Settings, tmp_path: Path
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 0
    core.person(state=Person.State.INACTIVE, department=None)
    spend.fund(ada)
    token = api_tokens.create_api_token(owner, "Fuzz", scopes=Scope.values, actor=owner.actor)

    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(ROOT / "tests/support/schemathesis.toml")),
            *("run", f"{live_server.url}/api/v1/schema/", "--checks", "all", "--no-color"),
            *("--header", f"Authorization: Bearer {token}", *OPTIONS),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
            "SCHEMATHESIS_CARD": str(spend.card(ada).pk),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {len(NEEDED)}" in done.stdout
