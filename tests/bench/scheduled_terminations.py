"""Measure the hourly job among few and among many inactive people.

Each time fifty are due: what one of them costs has to be the same, the query has to use the
index of what is due, and memory must not grow with those who are not.
"""

import os
import subprocess
import sys

from tests.bench.sites import ROOT
from tests.services.postgres_redis_smtp import Postgres


def main() -> int:
    postgres = Postgres()
    try:
        environment = os.environ | {
            "DATABASE_URL": postgres.create("ramp"),
            "DJANGO_SETTINGS_MODULE": "ramp.settings",
            "SECRET_KEY": "of the benchmark",
            "LOG_LEVEL": "WARNING",
        }
        measuring = [sys.executable, "-m", "tests.bench.due"]
        return subprocess.run(measuring, cwd=ROOT, env=environment, check=False).returncode
    finally:
        postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
