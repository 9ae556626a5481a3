"""How many of our files and functions a request of an identity provider passes through.

python -m tests.bench.walk
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import django
from django.core.management import call_command
from django.test import Client

from tests.services.postgres_redis_smtp import Postgres

ROOT: Final = Path(__file__).resolve().parents[2]
APPS: Final = tuple(f"{ROOT / app}/" for app in ("people", "provisioning", "ramp", "scim"))
OWNER: Final = ("--owner-email", "owner@acme.example.com", "--owner-password", "correct horse")
# Python runs these as functions, but a reader sees them as part of the function around them.
PARTS: Final = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def main() -> None:
    """Start PostgreSQL, and a process whose settings name its database."""
    postgres = Postgres()
    environment = {
        "DATABASE_URL": postgres.create("walk"),
        "SECRET_KEY": "of the benchmark",
        "ALLOWED_HOSTS": "testserver",
    }
    command = [sys.executable, "-c", "from tests.bench import walk; walk.print_walks()"]
    try:
        subprocess.run(command, env=os.environ | environment, check=True, cwd=ROOT)
    finally:
        postgres.stop()


def print_walks() -> None:
    ask = partial(send, connected())
    people = [ask("POST", "/Users", user(f"person-{number}")) for number in range(3)]
    path = f"/Users/{people[0]['id']}"
    ask("GET", path)
    ask("PATCH", path, _replace({"title": "Engineer"}))
    ask("PATCH", f"/Users/{people[1]['id']}", _replace({"active": False}))
    requests = {
        "GET one user": ("GET", path),
        "GET by userName": ("GET", '/Users?filter=userName eq "person-0@acme.example.com"'),
        "PATCH title": ("PATCH", path, _replace({"title": "Director"})),
        "PATCH active=false": ("PATCH", path, _replace({"active": False})),
        "POST": ("POST", "/Users", user("newcomer")),
    }
    for name, request in requests.items():
        code = _walked(partial(ask, *request))
        files = {one.co_filename for one in code}
        sys.stdout.write(f"{name:20} {len(files):3} files {len(code):4} functions\n")


def connected() -> Client:
    """Make a company with a connection; return a client with its token."""
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("create_tenant", "acme", "--name", "Acme", *OWNER, stdout=StringIO())
    output = StringIO()
    call_command("connect_scim", "acme", "--provider", "okta", stdout=output)
    token = json.loads(output.getvalue())["token"]
    return Client(headers={"Authorization": f"Bearer {token}"})


def send(client: Client, method: str, path: str, body: object = None) -> Any:
    """Send a SCIM request that must succeed; return the answer's body."""
    sent = json.dumps(body) if body else ""
    answer = client.generic(method, f"/scim/v2{path}", sent, "application/scim+json")
    assert answer.status_code < 300, answer.content
    return json.loads(answer.content)


def _walked(act: Callable[[], object]) -> set[CodeType]:
    """Return our functions that are called while it acts."""
    walked: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(APPS) and code.co_name not in PARTS:
            walked.add(code)

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return walked


def user(name: str) -> dict[str, Any]:
    email = f"{name}@acme.example.com"
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": email,
        "name": {"givenName": name, "familyName": "Walker"},
        "emails": [{"value": email, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": "Berlin"}],
        "active": True,
        ENTERPRISE: {"department": "Engineering"},
    }


def _replace(value: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "value": value}]}


if __name__ == "__main__":
    main()
