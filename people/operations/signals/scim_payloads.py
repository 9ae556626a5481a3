"""The payloads of SCIM events: RFC 9967 section 2.4.

Each function returns None if the event is not of its type.
"""

from dataclasses import dataclass
from typing import Any, Final

from people.models import Event
from people.provider_facts import ScimResource

Json = dict[str, Any]

PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
# The SCIM attributes of a person's fields.
SCIM_NAMES: Final = {
    "given_name": "name.givenName",
    "family_name": "name.familyName",
    "email": "emails",
    "department": f"{ENTERPRISE}department",
    "location": "addresses",
    "manager": f"{ENTERPRISE}manager",
    "role": "roles",
}


@dataclass(frozen=True)
class ScimChange:
    """The SCIM resource of the person, and the method of the SCIM request that changed it.

    The method is blank if something else than a request about this resource caused the event.
    """

    resource: ScimResource
    method: str = ""


def created_notice(event: Event, change: ScimChange) -> Json:
    resource = change.resource
    return {"attributes": ["id", *resource.data], "version": resource.version}


def created_full(event: Event, change: ScimChange) -> Json:
    resource = change.resource
    return {"data": resource.data | {"id": resource.id}, "version": resource.version}


def put_notice(event: Event, change: ScimChange) -> Json | None:
    return None if change.method == "PATCH" else _changed_notice(event, change)


def put_full(event: Event, change: ScimChange) -> Json | None:
    return created_full(event, change) if put_notice(event, change) else None


def patch_notice(event: Event, change: ScimChange) -> Json | None:
    return _changed_notice(event, change) if change.method == "PATCH" else None


def patch_full(event: Event, change: ScimChange) -> Json | None:
    """Return a PATCH with the same effect. That of the provider may contain a password."""
    notice = patch_notice(event, change)
    if notice is None:
        return None
    operations = _patch_operations(event, change.resource.data)
    return {
        "data": {"schemas": [PATCH_OP], "Operations": operations},
        "version": notice["version"],
    }


def deleted(event: Event, change: ScimChange) -> Json | None:
    return {} if change.method == "DELETE" else None


def empty(event: Event, change: ScimChange) -> Json:
    return {}


def _changed_notice(event: Event, change: ScimChange) -> Json | None:
    changed = [SCIM_NAMES[field] for field in event.changes if field in SCIM_NAMES]
    return {"attributes": changed, "version": change.resource.version} if changed else None


def _patch_operations(event: Event, data: Json) -> list[Json]:
    """Return operations that give the changed attributes the values of the resource."""
    operations: list[Json] = []
    for field in filter(SCIM_NAMES.get, event.changes):
        path = SCIM_NAMES[field]
        extension, _, attribute = path.rpartition(":")
        value: Any = data.get(extension) if extension else data
        for name in attribute.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            operations.append({"op": "replace", "path": path, "value": value})
        elif not event.changes[field]["to"]:
            operations.append({"op": "remove", "path": path})
        else:
            # The connection reads the field from another attribute, so all of them are sent.
            return [{"op": "replace", "value": data}]
    return operations
