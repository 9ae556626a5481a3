"""The process: a Canaille, and a loop that runs its commands, one a line of JSON."""

import json
import logging
import sys
from typing import Any

from canaille import create_app
from canaille.commands import cli
from click.testing import CliRunner
from flask.cli import ScriptInfo
from flask.logging import default_handler
from scim2_models import Resource, get_model_by_payload

# The older scim2-client looks for this function where it used to be.
Resource.get_by_payload = staticmethod(get_model_by_payload)  # type: ignore[attr-defined]

SETTINGS = {
    "SECRET_KEY": "of the tests",
    "SERVER_NAME": "canaille.example.com",
    "PREFERRED_URL_SCHEME": "https",
    "CANAILLE": {"DATABASE": "memory"},
    "CANAILLE_OIDC": {},
    "CANAILLE_SCIM": {"ENABLE_CLIENT": True},
}


def main() -> None:
    app = create_app(SETTINGS)
    # Canaille does not say why a push failed; the status that it got does.
    requests = logging.getLogger("httpx")
    requests.addHandler(default_handler)
    requests.setLevel(logging.INFO)
    information = ScriptInfo(create_app=lambda: app)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_ran(json.loads(line), information)) + "\n")
        sys.stdout.flush()


def _ran(command: list[str], information: ScriptInfo) -> dict[str, Any]:
    ran = CliRunner().invoke(cli, command, obj=information)
    problem = "" if ran.exception is None else repr(ran.exception)
    return {"code": ran.exit_code, "answer": ran.stdout, "log": ran.stderr + problem}


if __name__ == "__main__":
    main()
