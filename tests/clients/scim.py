"""A client of the SCIM API, and the users that it sends."""

import json
from contextlib import nullcontext
from contextvars import Context
from typing import Any
from urllib.parse import quote

from django.test import Client

from scim.models import Connection
from scim.models.connection import issue_token
from tests.support.events_and_rows import compared

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
WRITING = ("POST", "PUT", "PATCH", "DELETE")
# What could be the id of a resource, and is none's.
NOBODY = "0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10"

Json = dict[str, Any]

# Shared, because each client would load the middleware again. SCIM uses no cookies.
CLIENT = Client(raise_request_exception=False)


class Answer:
    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers: Any = response.headers
        self.content: bytes = response.content

    @property
    def body(self) -> Json:
        read: Json = json.loads(self.content)
        return read

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def request_id(self) -> str:
        return str(self.headers["X-Request-Id"])

    @property
    def detail(self) -> str:
        """Tell why it was refused."""
        assert self.body["schemas"] == [ERROR]
        assert self.body["status"] == str(self.status)
        return str(self.body["detail"])

    @property
    def names(self) -> list[str]:
        """Tell whom a list holds, in its order."""
        return [
            one.get("userName", one.get("displayName", "")).partition("@")[0]
            for one in self.body["Resources"]
        ]


class Provider:
    """Holds a token of a connection: scim("GET", "/Users").

    As on a server, no tenant is in force before the token is checked. After each write, the
    rows must contain what its events say.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.token = issue_token(connection)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send the body as JSON, or as it is if it is bytes; If_Match="…" makes a header."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = given.pop("Content-Type", "application/scim+json")
        with compared() if method in WRITING else nullcontext():
            response = Context().run(
                CLIENT.generic,
                method,
                f"/scim/v2{path}",
                body if isinstance(body, bytes) else b"" if body is None else json.dumps(body),
                content_type=content_type if body is not None else "",
                headers={"Authorization": f"Bearer {self.token}"} | given,
            )
        return Answer(response)

    def add(self, who: str = "ada", /, **values: Any) -> str:
        """Push somebody, and return their id."""
        answer = self("POST", "/Users", someone(who, **values))
        assert answer.status == 201, answer.content
        return answer.id

    def add_group(self, name: str, *members: str) -> str:
        body = {"displayName": name, "members": [{"value": member} for member in members]}
        answer = self("POST", "/Groups", body)
        assert answer.status == 201, answer.content
        return answer.id

    def read(self, scim_id: str) -> Json:
        answer = self("GET", f"/Users/{scim_id}")
        assert answer.status == 200, answer.content
        return answer.body

    def patch(self, scim_id: str, *operations: Json, **headers: str) -> Answer:
        body = {"schemas": [PATCH], "Operations": operations}
        return self("PATCH", f"/Users/{scim_id}", body, **headers)

    def replace(self, scim_id: str, path: str, value: Any) -> Answer:
        return self.patch(scim_id, {"op": "replace", "path": path, "value": value})

    def find(self, text: str, **parameters: Any) -> Answer:
        return self("GET", address("/Users", filter=text, **parameters))


def address(path: str, **parameters: Any) -> str:
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())
    return f"{path}?{query}" if query else path


def someone(who: str = "ada", /, **values: Any) -> Json:
    """Describe a person completely; what is said of them comes on top, None takes it away."""
    usual = {
        "schemas": [USER, ENT, RAMP],
        "userName": f"{who}@example.com",
        "name": {"givenName": who.title(), "familyName": "Lovelace"},
        "emails": [mail(f"{who}@example.com")],
        "active": True,
        ENT: {"department": "Research"},
        RAMP: {"location": "London"},
    }
    return {key: value for key, value in (usual | values).items() if value is not None}


def mail(value: str) -> Json:
    return {"value": value, "type": "work", "primary": True}


def managed_by(manager: Any) -> Json:
    """Say who the manager is, and the department that goes along with it."""
    return {ENT: {"department": "Research", "manager": manager}}
