"""Lint the SQL of the migrations on PostgreSQL: `python -m tests.lint_migrations`.

Reports what would block or break the version that still runs while a migration is applied:
a new column that is NOT NULL without a database default, an index that is not built
concurrently, a removed or renamed column or table. The initial migrations create empty tables.
"""

import os
import subprocess
import sys

from tests.services.postgres_redis_smtp import Postgres
from tests.services.server import ROOT

COMMAND = (
    *("manage.py", "lintmigrations", "--include-apps", "people", "scim", "provisioning"),
    *("--ignore-initial-migrations", "--warnings-as-errors", "--no-cache"),
    *("--quiet", "ok", "ignore"),
    # Its unique constraint allows more than the one that it replaces.
    *("--ignore-name-contains", "webhook_delivery_unique"),
)


def main() -> int:
    postgres = Postgres({"fsync": "off"})
    try:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TESTS_DATABASE_URL": postgres.create("ramp"),
            "LOG_LEVEL": "WARNING",
        }
        linted = subprocess.run([sys.executable, *COMMAND], cwd=ROOT, env=environment, check=False)
    finally:
        postgres.stop()
    return linted.returncode


if __name__ == "__main__":
    sys.exit(main())
