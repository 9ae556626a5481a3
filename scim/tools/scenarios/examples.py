"""Example requests of a provider for the dry-run form."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scim.models import Connection, ScimUser
from scim.rfc.attributes import ENTERPRISE
from scim.rfc.strict_json import Json
from scim.tools.scenarios.steps import ScenarioUsers, Step, created, operation, patched, placed, put

DEPARTMENT = f"{ENTERPRISE.urn}:department"
LABELS = {
    "change": "Change their department",
    "deactivate": "Deactivate them",
    "manager": "Make them their own manager",
    "add": "Add a new user",
}


@dataclass(frozen=True)
class Example:
    method: str
    path: str
    body: str


def example(connection: Connection, user: ScimUser | None, kind: str) -> Example:
    """Return an example of this kind; without a person, it is about a new one."""
    cast = ScenarioUsers("", connection.mapping, domain="example.com")
    if user is None or kind == "add":
        return _written(created(cast.person("Mira", "Okafor", externalId="mira-okafor")))
    return _written(_EXAMPLES.get(kind, _change)(connection, user, cast))


def _written(step: Step) -> Example:
    body = json.dumps(step.body, indent=2, ensure_ascii=False) if step.body else ""
    return Example(step.method, step.path, body)


def _change(connection: Connection, user: ScimUser, cast: ScenarioUsers) -> Step:
    scim_id, place = str(user.scim_id), connection.mapping.get("department") or DEPARTMENT
    match connection.provider:
        case Connection.Provider.OKTA:
            return put("", scim_id, placed(_read(user), place, "Treasury"))
        case Connection.Provider.ENTRA:
            return patched("", scim_id, operation("Add", place, "Treasury"))
        case _:
            return patched("", scim_id, operation("replace", place, "Treasury"))


def _deactivate(connection: Connection, user: ScimUser, cast: ScenarioUsers) -> Step:
    scim_id = str(user.scim_id)
    match connection.provider:
        case Connection.Provider.OKTA:
            return patched("", scim_id, {"op": "replace", "value": {"active": False}})
        case Connection.Provider.ENTRA:
            return patched("", scim_id, operation("Replace", "active", "False"))
        case _:
            return patched("", scim_id, operation("replace", "active", value=False))


def _manager(connection: Connection, user: ScimUser, cast: ScenarioUsers) -> Step:
    scim_id = str(user.scim_id)
    match connection.provider:
        case Connection.Provider.OKTA:
            return put("", scim_id, placed(_read(user), cast.manager_path(), scim_id))
        case Connection.Provider.ENTRA:
            return patched("", scim_id, operation("Add", cast.manager_path(), scim_id))
        case _:
            return patched("", scim_id, operation("replace", cast.manager_path(), scim_id))


def _read(user: ScimUser) -> Json:
    read: Json = json.loads(user.rendered)
    return {"schemas": read["schemas"], "id": str(user.scim_id)} | read


_EXAMPLES: Mapping[str, Callable[[Connection, ScimUser, ScenarioUsers], Step]] = {
    "change": _change,
    "deactivate": _deactivate,
    "manager": _manager,
}
