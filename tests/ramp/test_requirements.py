"""The files that `pip install --require-hashes` reads …"""

import re
from pathlib import Path

import pytest

from tests.services.server import ROOT

NAMES = ["requirements", "requirements-dev", "requirements-directory", "requirements-release"]

each_file = pytest.mark.parametrize("name", NAMES)


def pins(path: Path) -> dict[str, str]:
    """Return the versions by the normalized names of the packages."""
    found = re.findall(
        r"^([A-Za-z][\w.-]*)(?:\[[^]]*\])?==([^\s;]+)", path.read_text(), re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


@each_file
def test_have_the_versions_that_were_written_by_hand(name: str) -> None:
    written, made = pins(ROOT / f"{name}.in"), pins(ROOT / f"{name}.txt")

    assert written.items() <= made.items(), "Run `make requirements`."


@each_file
def test_have_a_hash_of_every_package(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith(("#", "-"))]

    assert packages
    assert not [line for line in packages if "--hash=sha256:" not in line]


def test_agree_with_each_other() -> None:
    production, development = (pins(ROOT / f"{name}.txt") for name in NAMES[:2])

    assert production.items() <= development.items()
