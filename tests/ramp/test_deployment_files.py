"""The files in deploy/."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.services.postgres_redis_smtp import program
from tests.services.server import ROOT, Server

DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def ramp() -> dict[str, Any]:
    """Return the service of Ramp in the compose file."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    service: dict[str, Any] = services["ramp"]
    return service


def test_unit_is_valid(tmp_path: Path) -> None:
    # systemd checks that the program exists.
    unit = (
        (DEPLOY / "ramp.service").read_text().replace("/srv/ramp/.venv/bin/python", sys.executable)
    )
    file = tmp_path / "ramp.service"
    file.write_text(unit)

    verified = subprocess.run(
        [program("systemd-analyze"), "verify", file], capture_output=True, text=True, check=False
    )

    assert (verified.returncode, verified.stderr) == (0, "")


def test_container_has_few_rights(ramp: dict[str, Any]) -> None:
    assert ramp["read_only"]
    assert ramp["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in ramp["security_opt"]
    *_, stage = (DEPLOY / "Containerfile").read_text().split("FROM ")
    assert "USER ramp" in stage


def test_container_is_healthy_while_ramp_answers(ramp: dict[str, Any], server: Server) -> None:
    command, _, *arguments = ramp["healthcheck"]["test"]
    assert command == "CMD"
    here = [sys.executable, *(one.replace(":8000", f":{server.port}") for one in arguments)]

    assert subprocess.run(here, check=False).returncode == 0

    nowhere = [sys.executable, *(one.replace(":8000", ":1") for one in arguments)]
    assert subprocess.run(nowhere, stderr=subprocess.DEVNULL, check=False).returncode != 0
