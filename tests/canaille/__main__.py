"""The process: a Canaille, and a loop that runs its commands, one a line of JSON.

It pushes; given a port of loopback, it is an OpenID provider there instead.
"""

import json
import logging
import sys
from threading import Thread
from typing import Any

from canaille import create_app
from canaille.commands import cli
from canaille.oidc.jose import make_default_rsa_jwk
from click.testing import CliRunner
from flask.cli import ScriptInfo
from flask.logging import default_handler
from scim2_models import Resource, get_model_by_payload
from werkzeug.serving import make_server

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
    app = _listening(int(sys.argv[1])) if sys.argv[1:] else create_app(SETTINGS)
    # Canaille does not say why a push failed; the status that it got does.
    requests = logging.getLogger("httpx")
    requests.addHandler(default_handler)
    requests.setLevel(logging.INFO)
    information = ScriptInfo(create_app=lambda: app)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_ran(json.loads(line), information)) + "\n")
        sys.stdout.flush()


def _listening(port: int) -> Any:
    here = {"SERVER_NAME": f"127.0.0.1:{port}", "PREFERRED_URL_SCHEME": "http"}
    keys = {"ACTIVE_JWKS": [make_default_rsa_jwk().as_dict(private=True)]}
    app = create_app(SETTINGS | here | {"CANAILLE_OIDC": keys, "CANAILLE_SCIM": {}})
    server = make_server("127.0.0.1", port, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    return app


def _ran(command: list[str], information: ScriptInfo) -> dict[str, Any]:
    ran = CliRunner().invoke(cli, command, obj=information)
    problem = "" if ran.exception is None else repr(ran.exception)
    return {"code": ran.exit_code, "answer": ran.stdout, "log": ran.stderr + problem}


if __name__ == "__main__":
    main()
