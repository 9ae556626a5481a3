"""The steps of a self-test, and the users that it provisions."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from scim2_models import SCIMException

from people.operations import managers
from people.operations.sandboxes import DOMAIN
from scim.rfc import patch, patch_operations
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import ENTERPRISE, GROUP, USER
from scim.rfc.strict_json import Json

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MANAGER = f"{ENTERPRISE.urn}:manager"
OWN_MANAGER = {"detail": str(managers.SelfManager())}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request with its expected response: one of the statuses, and the values in the body."""

    title: str
    method: str
    path: str
    body: Json | None = None
    status: tuple[int, ...] = (200,)
    # By dotted path: {"totalResults": 0}.
    expected: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""


SelfTestSteps = Generator[Step, Json, None]


class MissingValue(Exception):
    """The next steps need a value that the last response does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The response has no “{name}”, which the next steps need.")


@dataclass(frozen=True)
class SampleUsers:
    """The users of one run, with unique names, in the form that the connection's mapping reads."""

    run: str
    mapping: Mapping[str, str]
    domain: str = DOMAIN

    def address(self, who: str) -> str:
        return ".".join(filter(None, [who, self.run])) + f"@{self.domain}"

    def person(self, given: str, family: str, **values: Any) -> Json:
        """Return a complete user, also for a connection with its own attribute mapping."""
        email = self.address(f"{given}.{family}".lower())
        usual = {
            "schemas": [USER.core.urn, ENTERPRISE.urn],
            "userName": email,
            "name": {"givenName": given, "familyName": family},
            "displayName": f"{given} {family}",
            "emails": [{"value": email, "type": "work", "primary": True}],
            "addresses": [{"type": "work", "locality": "Lisbon"}],
            "active": True,
            ENTERPRISE.urn: {"department": "Finance"},
        }
        fields = {
            "given_name": given,
            "family_name": family,
            "email": email,
            "department": "Finance",
            "location": "Lisbon",
        }
        document = usual | values
        for name, value in fields.items():
            if name in self.mapping:
                document = with_value(document, self.mapping[name], value)
        return document

    def manager_path(self) -> str:
        return self.mapping.get("manager") or MANAGER


def with_value(document: Json, path: str, value: str) -> Json:
    """Return the document with the value at the path of a mapping."""
    body = {"Operations": [{"op": "add", "path": path, "value": value}]}
    try:
        operations = patch_operations.read_operations(body, USER)
        changed = patch.apply(normalize(document, USER), operations, USER)
    except SCIMException:
        return document  # The path of the mapping is no longer valid, so it reads nothing.
    return document | changed


def id_of(answer: Json) -> str:
    """Return the id in the response.

    :raises MissingValue: if there is none.
    """
    if not isinstance(answer.get("id"), str):
        raise MissingValue("id")
    return str(answer["id"])


def operation(op: str, path: str, value: Any) -> Json:
    return {"op": op, "path": path, "value": value}


def listed(title: str, path: str) -> Step:
    return Step(title=title, method="GET", path=path, expected={"schemas": [LIST]})


def found(title: str, person: Json, how_many: int) -> Step:
    sought = quote(f'userName eq "{person["userName"]}"')
    path = f"/Users?filter={sought}&startIndex=1&count=100"
    return Step(title=title, method="GET", path=path, expected={"totalResults": how_many})


def created(person: Json) -> Step:
    return Step(
        title="Create them",
        method="POST",
        path="/Users",
        body=person,
        status=(201,),
        expected={"userName": person["userName"], "active": True},
    )


def created_again(person: Json) -> Step:
    expected = {"scimType": "uniqueness"}
    again = replace(created(person), title="Create them again (must be refused)")
    return replace(again, status=(409,), expected=expected)


def read(scim_id: str) -> Step:
    return Step(title="Read them", method="GET", path=f"/Users/{scim_id}", expected={"id": scim_id})


def put(title: str, scim_id: str, body: Json, expected: Mapping[str, Any] | None = None) -> Step:
    return Step(
        title=title, method="PUT", path=f"/Users/{scim_id}", body=body, expected=expected or {}
    )


def patched(title: str, scim_id: str, /, *changes: Json, **expected: Any) -> Step:
    body = {"schemas": [PATCH], "Operations": list(changes)}
    return Step(title=title, method="PATCH", path=f"/Users/{scim_id}", body=body, expected=expected)


def own_manager_refused(step: Step) -> Step:
    title = "Make them their own manager (must be refused)"
    return replace(step, title=title, status=(400,), expected=OWN_MANAGER)


def new_group(title: str, body: Json) -> Step:
    return Step(
        title=title,
        method="POST",
        path="/Groups",
        body={"schemas": [GROUP.core.urn]} | body,
        status=(201,),
        expected={"displayName": body["displayName"]},
    )


def group_changed(title: str, scim_id: str, *changes: Json) -> Step:
    body = {"schemas": [PATCH], "Operations": list(changes)}
    return Step(
        title=title, method="PATCH", path=f"/Groups/{scim_id}", body=body, status=(200, 204)
    )


def deleted(title: str, path: str) -> Step:
    return Step(title=title, method="DELETE", path=path, status=(204,))


def wrong_token() -> Step:
    """Send a request with a wrong token."""
    return Step(
        title="Use a wrong token (must be refused)",
        method="GET",
        path="/Users?startIndex=1&count=1",
        status=(401,),
        expected={"status": "401"},
        token="not-a-token-of-ours",  # noqa: S106
    )
