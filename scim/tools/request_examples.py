"""Example requests of a provider for the dry-run form."""

import json
from dataclasses import dataclass

from scim.connections.presets import PRESETS
from scim.connections.presets.steps import (
    SampleUsers,
    Step,
    created,
    operation,
    patched,
    put,
    with_value,
)
from scim.models import Connection, ScimUser
from scim.rfc.resource_types import ENTERPRISE
from scim.rfc.strict_json import Json

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
    """Return an example of this kind; without a user, one that creates a user."""
    users = SampleUsers("", connection.mapping, domain="example.com")
    if user is None or kind == "add":
        step = created(users.person("Mira", "Okafor", externalId="mira-okafor"))
    elif kind == "deactivate":
        step = patched("", str(user.scim_id), PRESETS[connection.provider].deactivation)
    elif kind == "manager":
        step = _updated(connection, user, users.manager_path(), str(user.scim_id))
    else:
        place = connection.mapping.get("department") or DEPARTMENT
        step = _updated(connection, user, place, "Treasury")
    body = json.dumps(step.body, indent=2, ensure_ascii=False) if step.body else ""
    return Example(step.method, step.path, body)


def _updated(connection: Connection, user: ScimUser, place: str, value: str) -> Step:
    """Set the value as the provider does: by a PATCH, or by a PUT of the whole resource."""
    op = PRESETS[connection.provider].update_operation
    if op is None:
        read: Json = json.loads(user.rendered)
        stored = {"schemas": read["schemas"], "id": str(user.scim_id)} | read
        return put("", str(user.scim_id), with_value(stored, place, value))
    return patched("", str(user.scim_id), operation(op, place, value))
