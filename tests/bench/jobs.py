"""What one round of the periodic jobs costs with many companies.

python -m tests.bench.jobs --companies 5000

Each company has a connection, 20 people, and 4 of them wait for a manager who never arrives. One
company is made through SCIM, and the others are copies of it, by SQL.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Final

from tests.bench.walk import ROOT
from tests.services.postgres_redis_smtp import Postgres

DATA: Final = {"fsync": "off", "max_wal_size": "8GB", "shared_buffers": "512MB"}


def main() -> None:
    """Start PostgreSQL, and a process whose settings name its database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=5_000)
    companies = parser.parse_args().companies
    with ExitStack() as stack:
        postgres = Postgres(DATA)
        stack.callback(postgres.stop)
        environment = {
            "DATABASE_URL": postgres.create("jobs"),
            "DJANGO_SETTINGS_MODULE": "ramp.settings",
            "SECRET_KEY": "of the benchmark",
            "ALLOWED_HOSTS": "testserver",
            "LOG_LEVEL": "WARNING",
        }
        measure = f"job_round.measure({companies}, {postgres.process.pid})"
        command = [sys.executable, "-c", f"from tests.bench import job_round; {measure}"]
        subprocess.run(command, env=os.environ | environment, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
