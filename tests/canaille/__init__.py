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

from tests.services.postgres_redis_smtp import alone, free_port

ROOT: Final = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
# What it logs, and goes on.
FAILURES: Final = ("failed", "not supported", "Unable to find")
PASSWORD: Final = "correct horse"
SECRET: Final = "the client's secret"
BASIC: Final = ("--token-endpoint-auth-method", "client_secret_basic")
LIBRARIES: Final = Path(sys.prefix) / "canaille"


class CanailleError(RuntimeError):
    """A command failed, or could not push."""


class Commands:
    """A process that runs Canaille's commands."""

    def __init__(self, *arguments: str) -> None:
        install()
        paths = os.pathsep.join([str(LIBRARIES), str(ROOT)])
        self.folder = tempfile.TemporaryDirectory(prefix="canaille-")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.canaille", *arguments],
            cwd=self.folder.name,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
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
        content = json.loads(self.process.stdout.readline())
        if content["code"] or any(words in content["log"] for words in FAILURES):
            raise CanailleError(
                f"canaille {' '.join(command)}: {content['answer']} {content['log']}"
            )
        return json.loads(content["answer"]) if content["answer"].startswith(("{", "[")) else None


class Canaille(Commands):
    """Use as a context manager; `scim_url` is where it pushes to."""

    def __init__(self, scim_url: str) -> None:
        super().__init__()
        client = ("--client-id", "ramp", "--client-name", "Ramp", "--client-uri", scim_url)
        self.run("create", "client", *client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def token(self) -> str:
        """Return the token that it issued to itself, and presents."""
        token: str = self.run("get", "token")[0]["access_token"]
        return token


class CanailleOpenId(Commands):
    """Its people sign in with PASSWORD; `introduce` them, `register` Ramp, `enter` its addresses.

    It knows no logout over the back channel, and no groups claim for whoever is in no group.
    """

    def __init__(self) -> None:
        port = free_port()
        super().__init__(str(port))
        self.issuer = f"http://127.0.0.1:{port}"
        self.people: set[str] = set()
        self.groups: dict[str, set[str]] = {}

    def introduce(self, login: str, **claims: Any) -> None:
        """Know somebody by this login, or know something else about them from now on."""
        values = {
            "--given-name": claims["given_name"],
            "--family-name": claims["family_name"],
            "--emails": claims["email"],
        }
        options = [word for pair in values.items() for word in pair]
        if login in self.people:
            self.run("set", "user", login, *options)
        else:
            self.run("create", "user", "--user-name", login, "--password", PASSWORD, *options)
        self.people.add(login)
        self._join(login, claims["groups"])

    def _join(self, login: str, groups: list[str]) -> None:
        for name in {*groups, *self.groups}:
            members = self.groups.get(name, set())
            wanted = members | {login} if name in groups else members - {login}
            listed = [word for member in sorted(wanted) for word in ("--members", member)]
            if name not in self.groups:
                self.run("create", "group", "--display-name", name, *listed)
            elif wanted != members:
                self.run("set", "group", name, *(listed or ["--members", ""]))
            self.groups[name] = wanted

    def register(self) -> dict[str, Any]:
        """Make Ramp a client; return what `add_identity_provider` reads about it."""
        scopes = ("openid", "profile", "email", "groups")
        listed = [word for scope in scopes for word in ("--scope", scope)]
        # A client that is trusted asks nobody for consent.
        who = ("--client-id", "ramp", "--client-secret", SECRET, "--client-uri", self.issuer)
        how = ("--grant-types", "authorization_code", "--response-types", "code", *BASIC)
        self.run("create", "client", "--client-name", "Ramp", *who, *how, *listed)
        return {
            "kind": "oidc",
            "name": "Canaille",
            "issuer": self.issuer,
            "client_id": "ramp",
            "client_secret": SECRET,
            "scopes": " ".join(scopes),
        }

    def enter(self, addresses: dict[str, str]) -> None:
        """Enter what `add_identity_provider` answered."""
        back, out = addresses["redirect_uri"], addresses["post_logout_redirect_uri"]
        uris = ("--redirect-uris", back, "--post-logout-redirect-uris", out)
        # Its pages make a client its own audience; its commands do not.
        self.run("set", "client", "ramp", "--audience", "ramp", *uris)


def install() -> None:
    """Install the older scim2-client, unless it is there."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    where = ["--no-deps", "--target", str(LIBRARIES), "--requirement", str(REQUIREMENTS)]
    with alone(LIBRARIES):
        if not LIBRARIES.exists():
            subprocess.run([*pip, *where], check=True)
