"""Migrated databases, kept between runs until a migration or a model changes.

Migrating takes about ten times as long as copying the result, and every process of every run of
the tests needs it. The databases are below `.databases_cache/`, which may be deleted at any time.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.services.manage import ROOT, Manager
from tests.services.postgres_redis_smtp import HASTY, POSTGRES, Postgres, alone, program

CACHE: Final = ROOT / ".databases_cache"
# The name of the migrated database in the copied directory of PostgreSQL.
DATABASE: Final = "migrated"


def copy_postgres_data(directory: Path) -> None:
    """Create the data directory of a PostgreSQL that has the database `DATABASE`."""
    _copy("postgresql", _build_postgres_data, directory)


def copy_sqlite_file(file: Path) -> None:
    """Create a migrated database file."""
    _copy("ramp.sqlite3", _build_sqlite_file, file)


def _copy(name: str, build: Callable[[Path], None], target: Path) -> None:
    CACHE.mkdir(exist_ok=True)
    # One process migrates SQLite while another migrates PostgreSQL.
    with alone(CACHE / name):
        kept = CACHE / _key()
        if not (kept / name).exists():
            kept.mkdir(exist_ok=True)
            with TemporaryDirectory(dir=kept) as new:
                build(Path(new, name))
                Path(new, name).rename(kept / name)
        for folder in CACHE.iterdir():
            if folder.is_dir() and folder != kept:
                shutil.rmtree(folder, ignore_errors=True)
        _copy_with_owner(kept / name, target)


def _copy_with_owner(source: Path, target: Path) -> None:
    # PostgreSQL starts only on files of its own user; shutil.copytree would give them to ours.
    subprocess.run(["cp", "--archive", source, target], check=True)


def _build_postgres_data(directory: Path) -> None:
    postgres = Postgres(HASTY)
    try:
        _migrate(postgres.create(DATABASE))
        postgres.shut_down()
        _copy_with_owner(postgres.data, directory)
    finally:
        postgres.stop()


def _build_sqlite_file(file: Path) -> None:
    _migrate(f"sqlite:///{file}")


def _migrate(database_url: str) -> None:
    with TemporaryDirectory(prefix="ramp-migrated-") as folder:
        urls = {"DATABASE_URL": database_url, "VAR_DIR": folder}
        manager = Manager({"PATH": os.environ["PATH"], **urls})
        manager.run("migrate", "--verbosity", "0")
        manager.end()


def _key() -> str:
    """Return a name that changes with everything that the content of the databases depends on."""
    # Migrations of people import the text of a trigger from people/db.
    folders = ("migrations", "models", "db")
    files = [file for name in folders for file in ROOT.glob(f"[a-z]*/{name}/**/*.py")]
    digest = hashlib.sha256()
    for file in [*sorted(files), ROOT / "requirements.txt"]:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    # The files of another user's PostgreSQL cannot be read.
    version = Path(program("postgres", folders=POSTGRES)).parent.parent.name
    return f"{version}-{os.geteuid()}-{digest.hexdigest()[:16]}"
