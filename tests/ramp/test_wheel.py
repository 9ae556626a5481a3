"""The wheel and an installation of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

import ramp
from tests.services.server import ROOT

APPS = ["ramp", "people", "scim", "provisioning"]
# The place of each folder in the wheel.
PLACES = {app: app for app in APPS} | {"templates": "ramp/_templates", "static": "ramp/_static"}
FILES = [
    *("pyproject.toml", "setup.py", "README.md", "LICENSE"),
    *("requirements.in", "requirements-directory.in"),
]
SHOW = """
import json
import django
django.setup()
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import get_template
import ramp
call_command("check")
print(json.dumps([
    ramp.__file__, get_template("error.html").origin.name, finders.find("ramp.css"),
]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, because setuptools writes into its source folder."""
    source = tmp_path_factory.mktemp("source")
    for folder in PLACES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in FILES:
        shutil.copy(ROOT / file, source)
    target = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(target), str(source))
    [built] = target.glob("*.whl")
    return built


def _pip(command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--no-deps", "--no-index", *arguments],
        check=True,
    )


def _metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def _packed() -> Iterator[str]:
    for folder, place in PLACES.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{place}/{path.relative_to(ROOT / folder)}"


def test_contains_every_file_of_the_apps_templates_and_static_files(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert held == set(_packed())


@pytest.mark.parametrize("app", ["people", "scim", "provisioning"])
def test_contains_migrations_and_templates_of_each_app(wheel: Path, app: str) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()

    assert f"{app}/migrations/0001_initial.py" in names
    assert any(name.startswith(f"ramp/_templates/{app}/") for name in names)


def test_version_is_that_of_the_package(wheel: Path) -> None:
    assert _metadata(wheel)["Version"] == ramp.__version__


def test_version_has_a_section_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert re.search(rf"^## {re.escape(ramp.__version__)} - ", changelog, re.MULTILINE)


def test_requirements_are_the_pinned_versions(wheel: Path) -> None:
    asked = _metadata(wheel).get_all("Requires-Dist", [])
    pinned = re.findall(r"^[^#\s-]\S+", (ROOT / "requirements.in").read_text(), re.MULTILINE)

    assert set(pinned) == {one for one in asked if "extra ==" not in one}


def test_installation_finds_templates_and_static_files(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    _pip("install", "--target", str(site), str(wheel))

    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=elsewhere,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(site),
            "DJANGO_SETTINGS_MODULE": "ramp.settings",
        },
        capture_output=True,
        check=True,
    )

    found = json.loads(shown.stdout.splitlines()[-1])
    assert found == [
        str(site / "ramp" / "__init__.py"),
        str(site / "ramp" / "_templates" / "error.html"),
        str(site / "ramp" / "_static" / "ramp.css"),
    ]
    assert not (site / "var").exists()
