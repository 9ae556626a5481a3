"""PATCH operations on each published attribute and sub-attribute."""

from collections.abc import Iterator
from typing import Any

import pytest
from scim2_models import SCIMException

from scim.rfc import patch
from scim.rfc.attributes import MEMBERS
from scim.rfc.normalize import normalize
from scim.rfc.patch_operations import read_operations
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import Attribute, ResourceType
from tests.clients.scim import Json

STORED = {
    "User": normalize({"userName": "ada", "title": "Clerk", "name": {"givenName": "Ada"}}, USER),
    "Group": normalize({"displayName": "Staff"}, GROUP),
}
SAMPLES: dict[str, Any] = {"boolean": True, "binary": "YQ==", "string": "a@b", "reference": "a@b"}
# Each operation, with and without a path.
FORMS = [(op, has_path) for op in ("add", "replace") for has_path in (True, False)]


def places() -> Iterator[tuple[ResourceType, str, Attribute, Attribute | None]]:
    for resource in (USER, GROUP):
        for schema in (resource.core, *resource.extensions):
            for one in schema.attributes:
                name = one.name if schema is resource.core else f"{schema.urn}:{one.name}"
                if one is not MEMBERS:
                    yield resource, name, one, None
                    yield from ((resource, f"{name}.{part.name}", one, part) for part in one.parts)


PLACES = list(places())
every_place = pytest.mark.parametrize(
    ("resource", "path", "attribute", "part"),
    PLACES,
    ids=[f"{resource.name} {path}" for resource, path, *_ in PLACES],
)


def sample(attribute: Attribute, part: Attribute | None) -> Any:
    leaf = part or attribute
    if leaf.kind != "complex":
        return SAMPLES[leaf.kind]
    return {one.name: SAMPLES[one.kind] for one in leaf.parts if one.is_written}


def patched(resource: ResourceType, op: str, path: str, value: Any, *, has_path: bool) -> Json:
    """Return the patched document, or the status and type of the refusal."""
    one = (
        {"op": op, "path": path, "value": value} if has_path else {"op": op, "value": {path: value}}
    )
    try:
        changes = read_operations({"Operations": [one]}, resource)
        return patch.apply(STORED[resource.name], changes, resource)
    except SCIMException as error:
        return {"status": error.status, "type": error.scim_type}


def may_be_refused(attribute: Attribute, part: Attribute | None) -> bool:
    """Return whether Ramp uses the attribute, or does not allow clients to write it."""
    leaves = [one for one in (attribute, part) if one]
    is_ours = any(one.mutability == "readOnly" for one in leaves)
    return is_ours or all(one.is_used for one in leaves)


@every_place
@pytest.mark.parametrize(
    "value", [None, "", [], {}, [[]], [{}], 5, "x" * 300_000], ids=lambda one: repr(one)[:10]
)
def test_unusual_value_is_refused_only_for_used_or_read_only_attributes(
    resource: ResourceType, path: str, attribute: Attribute, part: Attribute | None, value: Any
) -> None:
    for op, has_path in FORMS:
        after = patched(resource, op, path, value, has_path=has_path)

        if "status" in after:
            assert after["status"] == 400
            assert may_be_refused(attribute, part)


@every_place
def test_empty_object_changes_nothing(
    resource: ResourceType, path: str, attribute: Attribute, part: Attribute | None
) -> None:
    """RFC 7644 section 3.5.2.3: sub-attributes that are not named stay as they are."""
    for op, has_path in FORMS:
        after = patched(resource, op, path, {}, has_path=has_path)

        assert after == STORED[resource.name] or after.get("type") == "mutability"


@every_place
def test_list_of_one_means_its_value(
    resource: ResourceType, path: str, attribute: Attribute, part: Attribute | None
) -> None:
    """SCIM-SDK's Java client wraps every value of a PATCH in a list."""
    value = sample(attribute, part)

    for op, has_path in FORMS:
        alone = patched(resource, op, path, value, has_path=has_path)
        assert patched(resource, op, path, [value], has_path=has_path) == alone


@every_place
@pytest.mark.parametrize("nothing", [None, "", []], ids=repr)
def test_null_and_empty_values_unassign_the_attribute(
    resource: ResourceType,
    path: str,
    attribute: Attribute,
    part: Attribute | None,
    nothing: Any,
) -> None:
    """RFC 7643 section 2.5: null and an empty list mean that the attribute has no value."""
    if attribute.required or not all(one.is_written for one in (attribute, part) if one):
        return
    value = sample(attribute, part)
    changes = [
        {"op": "replace", "path": path, "value": value},
        {"op": "replace", "path": path, "value": nothing},
    ]

    try:
        after = patch.apply(
            STORED[resource.name], read_operations({"Operations": changes}, resource), resource
        )
    except SCIMException as error:
        pytest.fail(str(error.detail))

    home = after.get(path.rpartition(":")[0], after) if ":" in path else after
    held = home.get(attribute.name)
    if part is None:
        assert held is None
    else:
        elements = held if isinstance(held, list) else [held or {}]
        assert not any(part.name in element for element in elements)
