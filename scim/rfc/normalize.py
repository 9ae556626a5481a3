"""Convert the body of a POST or PUT to the document that Ramp stores and returns.

- Names get their canonical case at every depth.
- Read-only, write-only and unknown attributes are left out.
- Null, "" and [] mean unassigned (RFC 7643 section 2.5).
- Unknown extensions are stored as far as they contain simple values.
- Only an invalid value of an attribute that Ramp uses is refused; others are ignored.

Everything else is stored where it was sent. A provider that compares the response with its own
copy then finds no difference, and does not send the value again in every cycle. Three forms are
converted, because RFC 7643 defines these attributes as an object or a list: a `manager` that is
a string or at the top, a single value of a multi-valued attribute, and a bare string in a
multi-valued attribute (see `dialects`).
"""

from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.rfc import dialects, notes
from scim.rfc.attributes import ACTIVE, MANAGER, MEMBERS, ROLES, SCHEMAS
from scim.rfc.emails import check_emails
from scim.rfc.flat_keys import nest
from scim.rfc.read_values import stored_name, value_or_none
from scim.rfc.resource_types import ENTERPRISE, RESOURCE_TYPES
from scim.rfc.schema import Attribute, ResourceType, Schema
from scim.rfc.strict_json import Json

MAX_CUSTOM_FIELDS = 100
MAX_FOREIGN_EXTENSIONS = 10
_SCHEMAS = [schema for one in RESOURCE_TYPES for schema in (one.core, *one.extensions)]
_OLD_URNS = {urn for schema in _SCHEMAS for urn in schema.aliases}


def normalize(sent: Any, resource: ResourceType, known: Json | None = None) -> Json:
    """Return the canonical document for the body of a POST or PUT.

    The members of a group are left out; `group_members.members_of` reads them. Values that are
    equal in a known canonical document are copied, and not read again.

    :raises InvalidSyntaxException: if the body is not an object, or contains an attribute twice.
    :raises InvalidValueException: if a value that Ramp uses is invalid, or `schemas` names
        another type of resource.
    """
    if not isinstance(sent, dict):
        raise InvalidSyntaxException(detail=f"A {resource.name} must be a JSON object.")
    document: Json = {"schemas": []}
    misplaced: Json = {}
    for name, value in nest(sent, resource).items():
        if known and name in known and value == known[name]:
            document[name] = value
            continue
        attribute = resource.attribute(name)
        if attribute is SCHEMAS:
            _check_schemas(value, resource)
        elif attribute is not None:
            if attribute is not MEMBERS:
                _set_attribute(document, attribute, value, name)
        elif (schema := resource.extension(name)) is not None:
            _set_extension(document, schema, value, name)
        else:
            misplaced[name] = value
    _set_misplaced(document, misplaced, resource)
    _check_required(document, resource)
    check_emails(document)
    known_urns = [schema.urn for schema in resource.extensions if schema.urn in document]
    foreign_urns = [name for name in document if ":" in name and resource.extension(name) is None]
    document["schemas"] = [resource.core.urn, *known_urns, *foreign_urns]
    return document


def replacement(sent: Any, stored: Json, resource: ResourceType) -> Json:
    """Return the document after a PUT (RFC 7644 section 3.5.1).

    Attributes that the body does not contain are removed, except `active` and `roles`: Okta
    leaves them out of a PUT that does not change them (OKTA-20, RAMP-OKTA-ROLES;
    okta-oin-location-and-role).

    :raises InvalidSyntaxException: as `normalize`.
    :raises InvalidValueException: as `normalize`.
    """
    document = normalize(sent, resource)
    names = {name.lower() for name, value in nest(sent, resource).items() if value is not None}
    for attribute in (ACTIVE, ROLES):
        if attribute.name in stored and attribute.name.lower() not in names:
            document[attribute.name] = stored[attribute.name]
    return keep_manager_link(stored, document)


def manager_reference(document: Json) -> str:
    """Return the reference that the provider sent for the manager, or an empty string."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("value", ""))


def link_manager(document: Json, scim_id: str | None) -> None:
    """Set the `$ref` of the manager to the resource with the id, or remove it if that is None.

    The link is relative; `serialize` inserts the base URL. `replacement` and `patch` keep the
    link while the reference to the manager stays the same, and otherwise remove it.
    """
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name)
    if manager is not None:
        manager.pop("$ref", None)
        if scim_id is not None:
            manager["$ref"] = f"/Users/{scim_id}"


def manager_link(document: Json) -> str:
    """Return the SCIM id of the resolved manager, or an empty string."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("$ref", "")).rpartition("/")[2]


def keep_manager_link(before: Json, after: Json) -> Json:
    """Copy the link to the manager to the later document if both have the same reference."""
    reference = before.get(ENTERPRISE.urn, {}).get(MANAGER.name, {}).get("$ref")
    if reference is not None and manager_reference(before) == manager_reference(after):
        after[ENTERPRISE.urn][MANAGER.name]["$ref"] = reference
    return after


def schema_key(document: Json, schema: Schema) -> str:
    """Return the name under which the document stores the extension.

    For a foreign extension, this is the URN in the case in which it was first sent.
    """
    if not schema.is_foreign or schema.urn in document:
        return schema.urn
    wanted = schema.urn.lower()
    return next((name for name in document if name.lower() == wanted), schema.urn)


def _check_schemas(sent: Any, resource: ResourceType) -> None:
    """Refuse a Group at the endpoint of Users, and the reverse (RFC 7643 section 3).

    A resource must name its own schema (RFC 7644 section 3.3). Missing and unknown URNs are
    accepted, because several providers leave some out or add their own.

    :raises InvalidValueException: if only the schema of another type of resource is named.
    """
    values = sent if isinstance(sent, list) else [sent]
    urns = {urn.lower() for urn in values if isinstance(urn, str)}
    others = {other.core.urn.lower() for other in RESOURCE_TYPES if other is not resource}
    if old := urns & _OLD_URNS:
        notes.understood(f"“{min(old)}” as a schema of SCIM 2.0", "OneLogin, HelloID")
    if urns & others and resource.core.urn.lower() not in urns:
        raise InvalidValueException(
            attribute="schemas",
            detail=f"The “schemas” of a {resource.name} must name “{resource.core.urn}”.",
        )


def _set_attribute(document: Json, attribute: Attribute, value: Any, name: str) -> None:
    """Read the value of an attribute that was sent under the name.

    :raises InvalidSyntaxException: if Ramp uses the attribute and it is sent twice.
    :raises InvalidValueException: as `value_or_none`.
    """
    notes.spelled(name, attribute.name)
    if not attribute.is_written:
        notes.understood(f"{attribute.name} as nothing to change", "Okta")
        return
    read = value_or_none(attribute, value)
    if read is None:
        return
    if not attribute.is_published:
        notes.at_the_top(name)
    if stored_name(document, attribute) in document:
        if attribute.is_used:
            raise InvalidSyntaxException(detail=f"“{attribute.name}” is sent twice.")
        notes.ignored(attribute.name, "sent twice")
        return
    document[attribute.name] = read


def _set_extension(document: Json, schema: Schema, value: Any, name: str) -> None:
    """Read an extension that was sent under the name.

    :raises SCIMException: as `_set_attribute`.
    """
    if name.lower() in schema.aliases:
        notes.understood(f"“{name}” as “{schema.urn}”", "OneLogin, HelloID")
    value = dialects.unwrapped(value, name)
    if not isinstance(value, dict):
        if value not in (None, ""):
            notes.ignored(schema.urn, "not an object")
        return
    key = schema_key(document, schema)
    stored = document.get(key, {})
    for inner, sent in value.items():
        attribute = schema.attribute(inner)
        if attribute is None:
            notes.ignored(f"{schema.urn}:{inner}", "unknown")
        elif len(stored) < MAX_CUSTOM_FIELDS or stored_name(stored, attribute) in stored:
            _set_attribute(stored, attribute, sent, inner)
        else:
            notes.ignored(
                f"{schema.urn}:{inner}", f"more than {MAX_CUSTOM_FIELDS} values of an extension"
            )
    if stored:
        document[key] = stored


def _set_misplaced(document: Json, misplaced: Json, resource: ResourceType) -> None:
    """Move attributes of extensions that were sent at the top to their extension.

    A value in the extension itself takes precedence. Of all other attributes, only foreign
    extensions are stored.
    """
    lowered = {name.lower(): value for name, value in misplaced.items()}
    for name, (schema, attribute) in resource.misplaced_names.items():
        read = value_or_none(attribute, lowered.get(name))
        if read is not None:
            notes.at_the_top(name)
            document.setdefault(schema.urn, {}).setdefault(attribute.name, read)
    foreign = 0
    for name, value in misplaced.items():
        if name.lower() in resource.misplaced_names:
            continue
        extension = resource.foreign_extension(name) if isinstance(value, dict) else None
        if extension is None:
            notes.ignored(name, "unknown")
        elif foreign < MAX_FOREIGN_EXTENSIONS:
            foreign += 1
            notes.foreign_extension(name)
            _set_extension(document, extension, value, name)
        else:
            notes.ignored(name, f"more than {MAX_FOREIGN_EXTENSIONS} unknown extensions")


def _check_required(document: Json, resource: ResourceType) -> None:
    for attribute in resource.required:
        if not document.get(attribute.name, "").strip():
            raise InvalidValueException(
                attribute=attribute.name, detail=f"“{attribute.name}” is required."
            )
