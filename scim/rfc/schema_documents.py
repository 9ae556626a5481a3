"""What /Schemas and /ResourceTypes answer (RFC 7643 sections 6 and 7)."""

from typing import Any

from scim2_models import ResourceType as ResourceTypeModel
from scim2_models import Schema as SchemaModel
from scim2_models import ServiceProviderConfig

from scim.rfc.attributes import GROUP, USER
from scim.rfc.schema import Attribute, ResourceType, Schema
from scim.rfc.strict_json import Json

SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
RESOURCE_TYPES = (USER, GROUP)


def schema_documents(base_url: str) -> list[Json]:
    """Return a document for each schema: ours, and those of the discovery documents."""
    ours = [
        _schema_document(schema)
        for resource in RESOURCE_TYPES
        for schema in (resource.core, *resource.extensions)
    ]
    theirs = [
        model.to_schema().model_dump()
        for model in (ServiceProviderConfig, ResourceTypeModel, SchemaModel)
    ]
    return [_with_meta(one, "Schema", "/Schemas", base_url) for one in ours + theirs]


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
        "attributes": [_attribute(one) for one in schema.attributes if one.is_published],
    }


def _attribute(attribute: Attribute) -> Json:
    described: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.kind,
        "multiValued": attribute.multiple,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
    }
    if attribute.kind == "complex":
        parts = [_attribute(part) for part in attribute.parts if part.is_published]
        return described | {"subAttributes": parts}
    described |= {"caseExact": attribute.case_exact, "uniqueness": attribute.uniqueness}
    if attribute.canonical_values:
        described["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        described["referenceTypes"] = list(attribute.reference_types)
    return described


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
