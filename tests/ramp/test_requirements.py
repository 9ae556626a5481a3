"""The files that `pip install --require-hashes` reads …"""

import os
import re
import subprocess
import sys
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


# Imports what the web processes, the worker and beat do, without the packages that only
# development installs.
START_OF_PRODUCTION = """
import re
import sys
from importlib import import_module, metadata
from pathlib import Path

PIN = r"^([\\w.-]+)(?:\\[[^]]*\\])?=="
pinned = Path("requirements.txt").read_text() + Path("requirements-directory.txt").read_text()
installed = {re.sub("[-_.]+", "-", name).lower() for name in re.findall(PIN, pinned, re.M)}

def is_installed(distribution):
    return re.sub("[-_.]+", "-", distribution).lower() in installed

class OnlyProduction:
    missing = {
        package
        for package, distributions in metadata.packages_distributions().items()
        if not any(map(is_installed, distributions))
    }

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.missing:
            raise ModuleNotFoundError(f"{name} is not in requirements.txt", name=name)

sys.meta_path.insert(0, OnlyProduction())
for module in ("ramp.wsgi", "ramp.web_server", "kombu.transport.redis", "celery.bin.worker"):
    import_module(module)
import_module("ramp.celery").app.loader.import_default_modules()
"""


def test_production_starts_without_the_packages_of_development() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a key of the tests",
    }

    started = subprocess.run(
        [sys.executable, "-c", START_OF_PRODUCTION],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 0, started.stderr
