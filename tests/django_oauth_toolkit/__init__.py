"""django-oauth-toolkit, an OpenID provider that we did not write, in a process of its own.

It knows whoever a test introduces, by any password. Its subject is the key of its user, so it is a
number that differs from the login. What pip installs is kept apart, beside the virtual environment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.services.postgres_redis_smtp import Service, alone

HERE: Final = Path(__file__).parent
REQUIREMENTS: Final = HERE / "requirements.txt"
LIBRARIES: Final = Path(sys.prefix) / "django-oauth-toolkit"
SECRET: Final = "the client's secret: 100 %"


class DjangoOauthToolkit(Service):
    """`introduce` its people, `register` Ramp, then `enter` where Ramp sends people back to.

    It knows no logout over the back channel.
    """

    def __init__(self) -> None:
        super().__init__()
        install()
        self.issuer = f"http://127.0.0.1:{self.port}/o"
        self.people = self.folder / "people.json"
        self.people.write_text("{}")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LIBRARIES),
            "FOLDER": str(self.folder),
        }
        self._program("migrate")
        self.run(*self._command("serve", str(self.port)), env=self.environment)

    def introduce(self, login: str, **claims: Any) -> None:
        """Know somebody by this login, or know something else about them from now on."""
        known = json.loads(self.people.read_text())
        self.people.write_text(json.dumps(known | {login: claims}))

    def register(self) -> dict[str, Any]:
        """Return what `add_identity_provider` reads about the client that `enter` makes."""
        return {
            "kind": "oidc",
            "name": "django-oauth-toolkit",
            "issuer": self.issuer,
            "client_id": "ramp",
            "client_secret": SECRET,
            "scopes": "openid profile email groups",
        }

    def enter(self, addresses: dict[str, str]) -> None:
        """Make Ramp a client, with what `add_identity_provider` answered."""
        back, out = addresses["redirect_uri"], addresses["post_logout_redirect_uri"]
        self._program("register", SECRET, back, out)

    def _program(self, *arguments: str) -> None:
        subprocess.run(self._command(*arguments), env=self.environment, check=True)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(HERE / "server.py"), *arguments]


def install() -> None:
    """Install the libraries, unless they are there."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    where = ["--no-deps", "--target", str(LIBRARIES), "--requirement", str(REQUIREMENTS)]
    with alone(LIBRARIES):
        if not LIBRARIES.exists():
            subprocess.run([*pip, *where], check=True)
