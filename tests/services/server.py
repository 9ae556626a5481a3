"""Ramp as its users meet it: web processes, a worker and beat, on a database of its own."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from ramp.processes import end_with_parent
from tests.services.manage import Manager
from tests.services.postgres_redis_smtp import as_ramp, free_port, wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
EMPTY_DEMO: Final = ("demo", "--empty")
# Set while `make coverage` measures what runs, also in the processes that tests start.
COVERAGE: Final = "COVERAGE_PROCESS_CONFIG"


@dataclass
class Server:
    """A running Ramp without any people; `end` ends it."""

    folder: Path
    database_url: str
    redis_url: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = EMPTY_DEMO
    manager: Manager | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.scim_url = f"{self.url}/scim/v2"
        self.environment = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(self.folder / "var"),
            # Who is killed leaves temporary files behind.
            "TMPDIR": str(self.folder),
            "PORT": str(self.port),
            "DATABASE_URL": as_ramp(self.database_url),
            "REDIS_URL": self.redis_url,
            **({COVERAGE: os.environ[COVERAGE]} if COVERAGE in os.environ else {}),
            # An address of its own may be among them, with the port that is chosen here.
            **{
                name: value.replace("{port}", str(self.port))
                for name, value in self.settings.items()
            },
        }
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *self.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(_prepare, os.getpid()),
            )
        wait_until(self.is_ready, self.process, self.log, seconds=180)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def manage(self, *arguments: str) -> str:
        """Run a management command against the server's database; return what it printed."""
        self.manager = self.manager or Manager(self.environment)
        return self.manager.run(*arguments)

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.manager:
            self.manager.end()
            self.manager = None


def _prepare(parent: int) -> None:
    # The tests may run under `nohup`, which makes `serve` ignore the signal to reload.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    end_with_parent(parent)
