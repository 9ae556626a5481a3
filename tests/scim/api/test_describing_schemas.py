from typing import Any

from scim2_models import ResourceType, Schema, ScimProvider, ServiceProviderConfig

from scim.rfc.schema_documents import resource_type_documents, schema_documents

BASE = "https://ramp.example.com/scim/v2"
ENTRA_MAPS = {
    "User": {
        "userName active displayName title preferredLanguage nickName userType locale timezone",
        "name.givenName name.familyName name.formatted",
        "emails.value addresses.formatted addresses.streetAddress addresses.locality",
        "addresses.region addresses.postalCode addresses.country phoneNumbers.value roles.value",
    },
    "EnterpriseUser": {"employeeNumber department costCenter division organization manager.value"},
    "RampUser": {"location"},
    "Group": {"displayName members.value"},
}


def names(attributes: list[dict[str, Any]]) -> set[str]:
    flat = {one["name"] for one in attributes}
    parts = {
        f"{one['name']}.{part['name']}"
        for one in attributes
        for part in one.get("subAttributes", [])
    }
    return flat | parts


def test_every_attribute_that_entra_maps_is_published() -> None:
    documents = {one["name"]: names(one["attributes"]) for one in schema_documents(BASE)}

    for schema, mapped in ENTRA_MAPS.items():
        assert {name for line in mapped for name in line.split()} <= documents[schema]


def test_scim2_models_can_read_the_schemas() -> None:
    schemas = [Schema.model_validate(one) for one in schema_documents(BASE)]
    types = [ResourceType.model_validate(one) for one in resource_type_documents(BASE)]

    provider = ScimProvider.from_discovery(schemas, types, ServiceProviderConfig())

    assert [one.name for one in provider.resource_types] == ["User", "Group"]


def test_each_schema_has_its_location() -> None:
    for one in schema_documents(BASE):
        assert one["meta"] == {
            "resourceType": "Schema",
            "location": f"{BASE}/Schemas/{one['id']}",
        }


def test_password_is_never_returned() -> None:
    [user] = [one for one in schema_documents(BASE) if one["name"] == "User"]
    [password] = [one for one in user["attributes"] if one["name"] == "password"]

    assert (password["mutability"], password["returned"]) == ("writeOnly", "never")
