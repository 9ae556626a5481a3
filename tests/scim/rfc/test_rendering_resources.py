import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from scim2_models import InvalidValueException

from scim.rfc import serialize
from scim.rfc.normalize import link_manager, normalize
from scim.rfc.projection import projection
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.serialize import StoredResource, json_text

BASE = "https://ramp.example.com/scim/v2"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

SENT = {
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@x", "type": "work"}, {"value": "a@y", "type": "home"}],
    ENT: {"department": "Research", "manager": "m-1"},
}


def stored(text: str) -> StoredResource:
    return StoredResource("u-1", text, 3, NOON, NOON + timedelta(seconds=1, microseconds=234567))


def ada() -> dict[str, Any]:
    document = normalize(SENT, USER)
    link_manager(document, "u-2")
    resource = json.loads(
        serialize.user(stored(json_text(document)), BASE, [("g-1", 'The "A"', "direct")])
    )
    assert isinstance(resource, dict)
    return resource


def test_user_is_rendered_with_id_groups_and_meta() -> None:
    assert ada() == normalize(SENT, USER) | {
        ENT: {
            "department": "Research",
            "manager": {"value": "m-1", "$ref": f"{BASE}/Users/u-2"},
        },
        "id": "u-1",
        "groups": [
            {
                "value": "g-1",
                "$ref": f"{BASE}/Groups/g-1",
                "display": 'The "A"',
                "type": "direct",
            }
        ],
        "meta": {
            "resourceType": "User",
            "created": "2026-03-02T12:00:00.000Z",
            "lastModified": "2026-03-02T12:00:01.234Z",
            "location": f"{BASE}/Users/u-1",
            "version": 'W/"3"',
        },
    }


def test_manager_reference_has_the_base_url() -> None:
    document = normalize(SENT, USER)
    link_manager(document, "u-2")

    resource = json.loads(serialize.user(stored(json_text(document)), BASE))

    assert resource[ENT]["manager"]["$ref"] == f"{BASE}/Users/u-2"
    assert "groups" not in resource


def test_text_that_looks_like_a_reference_is_not_changed() -> None:
    document = normalize({"userName": "ada", "title": '"$ref":"/Users/x'}, USER)

    resource = json.loads(serialize.user(stored(json_text(document)), BASE))

    assert resource["title"] == '"$ref":"/Users/x'


def test_group_is_rendered_with_members() -> None:
    text = json_text(normalize({"displayName": "Editors"}, GROUP))

    resource = json.loads(serialize.group(stored(text), BASE, [("User", "u-1"), ("Group", "g-1")]))

    assert resource["members"] == [
        {"value": "u-1", "$ref": f"{BASE}/Users/u-1", "type": "User"},
        {"value": "g-1", "$ref": f"{BASE}/Groups/g-1", "type": "Group"},
    ]
    assert resource["meta"]["location"] == f"{BASE}/Groups/u-1"
    assert "members" not in json.loads(serialize.group(stored(text), BASE))


def test_times_are_rendered_in_utc() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))

    text = serialize.user(StoredResource("u-1", '{"a":1}', 1, local, local), BASE)

    assert json.loads(text)["meta"]["created"] == "2026-03-02T12:00:00.000Z"


def test_list_response_joins_the_resources() -> None:
    text = serialize.list_response(['{"id":"a"}', '{"id":"b"}'], total=7, start_index=3)

    assert json.loads(text) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 7,
        "itemsPerPage": 2,
        "startIndex": 3,
        "Resources": [{"id": "a"}, {"id": "b"}],
    }
    assert json.loads(serialize.list_response([], total=0))["Resources"] == []


ALWAYS = {"schemas": [CORE, ENT], "id": "u-1"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["userName"], {"userName": "ada"}),
        (["USERNAME", "shoeSize"], {"userName": "ada"}),
        (["id"], {}),
        (["name.familyName"], {"name": {"familyName": "Lovelace"}}),
        (["name", "name.familyName"], {"name": SENT["name"]}),
        (["emails.value"], {"emails": [{"value": "ada@x"}, {"value": "a@y"}]}),
        ([f"{CORE}:userName"], {"userName": "ada"}),
        ([f"{ENT}:department"], {ENT: {"department": "Research"}}),
        (["nickName"], {}),
        ([" userName "], {"userName": "ada"}),
    ],
)
def test_attributes_select_what_is_shown(names: list[str], expected: dict[str, Any]) -> None:
    wanted = projection(names, [], USER)

    assert wanted
    assert wanted.of(ada()) == ALWAYS | expected


def test_whole_extension_can_be_selected() -> None:
    wanted = projection([ENT], [], USER)

    assert wanted
    assert wanted.of(ada()) == ALWAYS | {ENT: ada()[ENT]}


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        (["emails", "Name"], {"emails", "name"}),
        (["id", "schemas"], set()),
        ([ENT], {ENT}),
        (["meta", "groups"], {"meta", "groups"}),
        (["shoeSize"], set()),
        ([f"{ENT}:department", f"{ENT}:manager"], {ENT}),
    ],
)
def test_excluded_attributes_are_left_out(names: list[str], gone: set[str]) -> None:
    wanted = projection([], names, USER)

    assert wanted
    assert ada().keys() - wanted.of(ada()).keys() == gone


def test_sub_attributes_can_be_excluded() -> None:
    wanted = projection([], ["emails.type", f"{ENT}:manager"], USER)

    assert wanted
    shown = wanted.of(ada())
    assert shown["emails"] == [{"value": "ada@x"}, {"value": "a@y"}]
    assert shown[ENT] == {"department": "Research"}


def test_projection_knows_which_attributes_are_shown() -> None:
    included, excluded = projection(["userName"], [], GROUP), projection([], ["MEMBERS"], GROUP)

    assert included
    assert excluded
    assert not included.shows("members")
    assert not excluded.shows("members")
    assert excluded.shows("displayName")
    assert projection([], [], GROUP) is None


def test_attributes_and_excluded_attributes_together_are_refused() -> None:
    with pytest.raises(InvalidValueException):
        projection(["userName"], ["emails"], USER)
