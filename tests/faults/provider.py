"""An identity provider as a fault test needs it: documents of people, and requests about them."""

import json
import weakref
from typing import Any

import httpx

from tests.services.db import Connected

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(
    local_part: str, /, *, manager: str = "", department: str = "Ops", **more: Any
) -> dict[str, Any]:
    """Return a complete User resource, with the local part of its address as externalId too."""
    email = f"{local_part}@acme.example"
    extension: dict[str, Any] = {"department": department}
    if manager:
        extension["manager"] = {"value": manager}
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": email,
        "externalId": local_part,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "title": "Engineer",
        "emails": [{"value": email, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": "Berlin"}],
        "active": True,
        ENTERPRISE: extension,
        **more,
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PatchOp document."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def replace(path: str, value: Any) -> dict[str, Any]:
    """Return one operation of a PatchOp."""
    return {"op": "replace", "path": path, "value": value}


class ScimClient:
    """Sends requests with the connection's token; use one in each thread.

    Its connections to the server end with it.
    """

    def __init__(self, connected: Connected, *, timeout: float = 60) -> None:
        headers = {
            "Authorization": f"Bearer {connected.token}",
            "Content-Type": "application/scim+json",
        }
        # Without the proxies of the environment.
        self._http = httpx.Client(
            base_url=connected.base, headers=headers, timeout=timeout, trust_env=False
        )
        weakref.finalize(self, self._http.close)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Send the request once.

        :raises httpx.HTTPError: if no answer comes.
        """
        return self._http.request(method, path, content=json.dumps(body) if body else None)
