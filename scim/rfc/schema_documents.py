"""The resources of /Schemas and /ResourceTypes (RFC 7643 sections 6 and 7)."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from scim2_models import EnterpriseUser, Group, ServiceProviderConfig, User
from scim2_models import ResourceType as ResourceTypeModel
from scim2_models import Schema as SchemaModel

from scim.rfc.resource_types import RESOURCE_TYPES
from scim.rfc.schema import Attribute, ResourceType, Schema
from scim.rfc.strict_json import Json

SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"


def schema_documents(base_url: str) -> list[Json]:
    """Return a document for each schema of Ramp and of the discovery endpoints."""
    own = [
        _schema_document(schema)
        for resource in RESOURCE_TYPES
        for schema in (resource.core, *resource.extensions)
    ]
    discovery = [
        model.to_schema().model_dump()
        for model in (ServiceProviderConfig, ResourceTypeModel, SchemaModel)
    ]
    return [_with_meta(one, "Schema", "/Schemas", base_url) for one in own + discovery]


def resource_type_documents(base_url: str) -> list[Json]:
    return [
        _with_meta(_resource_type_document(one), "ResourceType", "/ResourceTypes", base_url)
        for one in RESOURCE_TYPES
    ]


def _with_meta(document: Json, kind: str, endpoint: str, base_url: str) -> Json:
    where = f"{base_url}{endpoint}/{document['id']}"
    return document | {"meta": {"resourceType": kind, "location": where}}


def _schema_document(schema: Schema) -> Json:
    return {
        "schemas": [SCHEMA],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": [
            _attribute(one, _descriptions().get(schema.urn, {}))
            for one in schema.attributes
            if one.is_published
        ],
    }


@cache
def _descriptions() -> dict[str, dict[str, str]]:
    """Return the descriptions of RFC 7643 section 8.7.1, by schema and dotted name."""
    found: dict[str, dict[str, str]] = {}
    for model in (User, EnterpriseUser, Group):
        schema = model.to_schema()
        texts = found.setdefault(str(schema.id), {})
        for one in schema.attributes or ():
            texts[str(one.name)] = " ".join((one.description or "").split())
            for part in one.sub_attributes or ():
                texts[f"{one.name}.{part.name}"] = " ".join((part.description or "").split())
    return found


def _attribute(attribute: Attribute, descriptions: Mapping[str, str], owner: str = "") -> Json:
    name = f"{owner}{attribute.name}"
    description = attribute.description
    # A description that is specific to Ramp follows that of the RFC.
    if rfc := descriptions.get(name):
        description = f"{rfc} {description}" if "Ramp" in description else rfc
    document: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.kind,
        "multiValued": attribute.multiple,
        "description": description,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
    }
    if attribute.kind == "complex":
        parts = [
            _attribute(part, descriptions, f"{name}.")
            for part in attribute.parts
            if part.is_published
        ]
        return document | {"subAttributes": parts}
    document |= {"caseExact": attribute.case_exact, "uniqueness": attribute.uniqueness}
    if attribute.canonical_values:
        document["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        document["referenceTypes"] = list(attribute.reference_types)
    return document


def _resource_type_document(resource: ResourceType) -> Json:
    return {
        "schemas": [RESOURCE_TYPE],
        "id": resource.name,
        "name": resource.name,
        "endpoint": resource.endpoint,
        "description": resource.description,
        "schema": resource.core.urn,
        "schemaExtensions": [
            {"schema": schema.urn, "required": False} for schema in resource.extensions
        ],
    }
