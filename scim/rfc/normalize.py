"""Converts the body of a POST or PUT to the document that Ramp stores and returns.

The document has canonical attribute names at every depth. It omits read-only, write-only and
unknown attributes. null, "" and [] mean unassigned (RFC 7643 section 2.5). Unknown extensions are
stored if their values are simple. A document is refused only for attributes that Ramp uses; an
invalid value of any other attribute is ignored.

All other values are stored unchanged, in the place where they were sent. So a provider that
compares the response with its own copy finds no difference, and does not send the value again in
every cycle. There are three exceptions, because the RFC defines an object or a list for them: a
`manager` that is a string or a top-level attribute, a single value of a multi-valued attribute, and
a string in a list of objects (see `dialects`).
"""

from collections.abc import Iterator
from typing import Any

from scim2_models import InvalidSyntaxException, InvalidValueException

from scim.rfc import dialects, notes
from scim.rfc.attributes import (
    ACTIVE,
    ENTERPRISE,
    MANAGER,
    MEMBERS,
    RESOURCE_TYPES,
    ROLES,
    SCHEMAS,
)
from scim.rfc.flat_keys import nested
from scim.rfc.read_values import check_emails, spelling, value_or_none
from scim.rfc.schema import Attribute, ResourceType, Schema
from scim.rfc.strict_json import Json

MAX_CUSTOM_FIELDS = 100
MAX_FOREIGN_EXTENSIONS = 10
_SCHEMAS = [schema for one in RESOURCE_TYPES for schema in (one.core, *one.extensions)]
_OLD_URNS = {urn for schema in _SCHEMAS for urn in schema.aliases}


def normalize(sent: Any, resource: ResourceType, known: Json | None = None) -> Json:
    """Return the document of a POST or PUT body.

    The members of a group are omitted; `group_members.members_of` reads them. `known` is a document
    that is canonical already: values that are equal there are copied without being read again.

    :raises InvalidSyntaxException: if it is not an object, or contains an attribute twice.
    :raises InvalidValueException: if the value of an attribute that Ramp uses is invalid, or the
        schemas are those of another type of resource.
    """
    if not isinstance(sent, dict):
        raise InvalidSyntaxException(detail=f"A {resource.name} must be a JSON object.")
    document: Json = {"schemas": []}
    strays: Json = {}
    for name, value in nested(sent, resource).items():
        if known and name in known and value == known[name]:
            document[name] = value
            continue
        attribute = resource.attribute(name)
        if attribute is SCHEMAS:
            _check_schemas(value, resource)
        elif attribute is not None:
            if attribute is not MEMBERS:
                _put(document, attribute, value, name)
        elif (schema := resource.extension(name)) is not None:
            _put_extension(document, schema, value, name)
        else:
            strays[name] = value
    _put_elsewhere(document, strays, resource)
    _check_required(document, resource)
    check_emails(document)
    document["schemas"] = [resource.core.urn, *_extensions(document, resource)]
    return document


def replacement(sent: Any, stored: Json, resource: ResourceType) -> Json:
    """Return the document that replaces the stored one after a PUT.

    A PUT removes every attribute that its body omits, except `active` and `roles`: Okta omits these
    two to leave them unchanged (OKTA-20, RAMP-OKTA-ROLES; okta-oin-location-and-role).

    :raises InvalidSyntaxException: as `normalize`.
    :raises InvalidValueException: as `normalize`.
    """
    document = normalize(sent, resource)
    mentioned = {
        name.lower() for name, value in nested(sent, resource).items() if value is not None
    }
    for attribute in (ACTIVE, ROLES):
        if attribute.name in stored and attribute.name.lower() not in mentioned:
            document[attribute.name] = stored[attribute.name]
    return keep_manager_link(stored, document)


def manager_of(document: Json) -> str:
    """Return the identifier of the manager that the provider sent, or ""."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("value", ""))


def link_manager(document: Json, scim_id: str | None) -> None:
    """Set the `$ref` of the manager to this user, or remove it.

    The `$ref` is relative; `serialize` adds the base URL. `normalize` and `patch` keep it while the
    manager stays the same, and remove it otherwise.
    """
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name)
    if manager is not None:
        manager.pop("$ref", None)
        if scim_id is not None:
            manager["$ref"] = f"/Users/{scim_id}"


def manager_link(document: Json) -> str:
    """Return the SCIM id of the resolved manager, or ""."""
    manager = document.get(ENTERPRISE.urn, {}).get(MANAGER.name, {})
    return str(manager.get("$ref", "")).rpartition("/")[2]


def keep_manager_link(before: Json, after: Json) -> Json:
    reference = before.get(ENTERPRISE.urn, {}).get(MANAGER.name, {}).get("$ref")
    if reference is not None and manager_of(before) == manager_of(after):
        after[ENTERPRISE.urn][MANAGER.name]["$ref"] = reference
    return after


def schema_key(document: Json, schema: Schema) -> str:
    """Return the name that the extension has in the document, or would have.

    A foreign extension keeps its first spelling, because there is no canonical one.
    """
    if not schema.is_foreign or schema.urn in document:
        return schema.urn
    wanted = schema.urn.lower()
    return next((name for name in document if name.lower() == wanted), schema.urn)


def _check_schemas(given: Any, resource: ResourceType) -> None:
    """Refuse a Group where a User belongs, and the other way round (RFC 7643 section 3).

    A resource names its own schema (RFC 7644 section 3.3). Missing and unknown URNs are accepted,
    because several providers omit some or add their own.
    """
    listed = given if isinstance(given, list) else [given]
    urns = {urn.lower() for urn in listed if isinstance(urn, str)}
    others = {one.core.urn.lower() for one in RESOURCE_TYPES if one is not resource}
    if old := urns & _OLD_URNS:
        notes.understood(f"“{min(old)}” as a schema of SCIM 2.0", "OneLogin, HelloID")
    if urns & others and resource.core.urn.lower() not in urns:
        raise InvalidValueException(
            attribute="schemas",
            detail=f"The “schemas” of a {resource.name} must name “{resource.core.urn}”.",
        )


def _extensions(document: Json, resource: ResourceType) -> Iterator[str]:
    """Yield the URNs of the extensions in the document, the known ones first."""
    yield from (schema.urn for schema in resource.extensions if schema.urn in document)
    yield from (name for name in document if ":" in name and resource.extension(name) is None)


def _put(document: Json, attribute: Attribute, value: Any, name: str) -> None:
    notes.spelled(name, attribute.name)
    if not attribute.is_written:
        notes.understood(f"{attribute.name} as nothing to change", "Okta")
        return
    read = value_or_none(attribute, value)
    if read is None:
        return
    if not attribute.is_published:
        notes.at_the_top(name)
    if spelling(document, attribute) in document:
        if attribute.is_used:
            raise InvalidSyntaxException(detail=f"“{attribute.name}” is sent twice.")
        notes.passed_over(attribute.name, "sent twice")
        return
    document[attribute.name] = read


def _put_extension(document: Json, schema: Schema, value: Any, name: str) -> None:
    """Add the extension that was sent under this name to the document."""
    if name.lower() in schema.aliases:
        notes.understood(f"“{name}” as “{schema.urn}”", "OneLogin, HelloID")
    value = dialects.unwrapped(value, name)
    if not isinstance(value, dict):
        if value not in (None, ""):
            notes.passed_over(schema.urn, "not an object")
        return
    key = schema_key(document, schema)
    held = document.get(key, {})
    for inner, one in value.items():
        attribute = schema.attribute(inner)
        if attribute is None:
            notes.passed_over(f"{schema.urn}:{inner}", "unknown")
        elif len(held) < MAX_CUSTOM_FIELDS or spelling(held, attribute) in held:
            _put(held, attribute, one, inner)
        else:
            notes.passed_over(
                f"{schema.urn}:{inner}", f"more than {MAX_CUSTOM_FIELDS} values of an extension"
            )
    if held:
        document[key] = held


def _put_elsewhere(document: Json, strays: Json, resource: ResourceType) -> None:
    """Move top-level attributes to their extensions, unless these contain them already.

    An unknown attribute is stored if it is an extension of the provider, and otherwise ignored.
    """
    lowered = {name.lower(): value for name, value in strays.items()}
    for name, (schema, attribute) in resource.elsewhere.items():
        read = value_or_none(attribute, lowered.get(name))
        if read is not None:
            notes.at_the_top(name)
            document.setdefault(schema.urn, {}).setdefault(attribute.name, read)
    foreign = 0
    for name, value in strays.items():
        if name.lower() in resource.elsewhere:
            continue
        extension = resource.foreign_extension(name) if isinstance(value, dict) else None
        if extension is None:
            notes.passed_over(name, "unknown")
        elif foreign < MAX_FOREIGN_EXTENSIONS:
            foreign += 1
            notes.foreign_extension(name)
            _put_extension(document, extension, value, name)
        else:
            notes.passed_over(name, f"more than {MAX_FOREIGN_EXTENSIONS} unknown extensions")


def _check_required(document: Json, resource: ResourceType) -> None:
    for attribute in resource.required:
        if not document.get(attribute.name, "").strip():
            raise InvalidValueException(
                attribute=attribute.name, detail=f"“{attribute.name}” is required."
            )
