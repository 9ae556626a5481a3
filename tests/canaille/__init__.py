"""Canaille, an identity provider that we did not write, in a process of its own.

Its people and groups are changed by its own commands, which save through the same models as
its pages; saving is what makes it push. It runs without a database: what it knows ends with
it. Its newest release needs a release of scim2-client older than the one that our
conformance tests need, so that one is kept apart, beside the virtual environment.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
# What it logs, and goes on.
FAILURES: Final = ("failed", "not supported", "Unable to find")
LIBRARIES: Final = Path(sys.prefix) / "canaille"


class CanailleError(RuntimeError):
    """A command failed, or could not push."""


class Canaille:
    """Use as a context manager; `scim_url` is where it pushes to."""

    def __init__(self, scim_url: str) -> None:
        self.scim_url = scim_url

    def __enter__(self) -> Self:
        install()
        paths = os.pathsep.join([str(LIBRARIES), str(ROOT)])
        self.folder = tempfile.TemporaryDirectory(prefix="canaille-")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.canaille"],
            cwd=self.folder.name,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        client = ("--client-id", "ramp", "--client-name", "Ramp", "--client-uri", self.scim_url)
        self.run("create", "client", *client)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=10)
        self.folder.cleanup()

    def run(self, *command: str) -> Any:
        """Run a command of Canaille's, such as `create user`, and return what it answered.

        :raises CanailleError: if it fails, or warns that the push did.
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        if told["code"] or any(words in told["log"] for words in FAILURES):
            raise CanailleError(f"canaille {' '.join(command)}: {told['answer']} {told['log']}")
        return json.loads(told["answer"]) if told["answer"].startswith(("{", "[")) else None

    def token(self) -> str:
        """Return the token that it issued to itself, and presents."""
        token: str = self.run("get", "token")[0]["access_token"]
        return token


def install() -> None:
    """Install the older scim2-client, unless it is there."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not LIBRARIES.exists():
        where = ["--no-deps", "--target", str(LIBRARIES), "--requirement", str(REQUIREMENTS)]
        subprocess.run([*pip, *where], check=True)
