"""Without `scim` or without `provisioning`, the other apps work in a copy of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# Tests of pages and operations that the deleted app extends. They run on SQLite, which starts
# sooner, so no race test is among them.
PEOPLE: Final = [
    "tests/people/operations/test_deactivating_a_person.py",
    "tests/people/operations/test_detached_people.py",
    "tests/people/views/test_access_to_pages.py",
    "tests/people/views/test_editing_pages.py",
    "tests/people/views/test_home.py",
    "tests/people/views/test_organization_pages.py",
    "tests/people/views/test_person_page.py",
    "tests/people/views/test_scheduled_terminations_page.py",
]
SIGN_IN: Final = [
    "tests/provisioning/group_roles/test_mapping_groups.py",
    "tests/provisioning/sign_in/test_offered_sign_in_methods.py",
    "tests/provisioning/sign_in/test_sign_in_pages.py",
    "tests/provisioning/views/test_tenant_settings.py",
]
SCIM: Final = [
    "tests/scim/sync/test_custom_fields.py",
    "tests/scim/sync/test_linking_people.py",
    "tests/scim/views/test_team_updates.py",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize(
        ("deleted", "files"),
        [("scim", PEOPLE + SIGN_IN), ("provisioning", PEOPLE + SCIM)],
        ids=["scim", "provisioning"],
    ),
]


@pytest.fixture
def copy(deleted: str, tmp_path: Path) -> Path:
    """Copy the repository without the app, its templates and its tests."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = (f"{deleted}/", f"templates/{deleted}/", f"tests/{deleted}/")
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(folders):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy: Path, *command: str) -> None:
    """Run Python in the copy; show what it printed if it fails."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(copy / "var"),
            "TESTS_DATABASE_URL": "sqlite://:memory:",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_checks_and_migrations_are_complete_without_the_app(copy: Path, files: list[str]) -> None:
    run(copy, "manage.py", "check")
    run(copy, "manage.py", "makemigrations", "--check")


def test_tests_of_the_other_apps_pass_without_the_app(copy: Path, files: list[str]) -> None:
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
