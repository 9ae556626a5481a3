"""Whether a request deactivates a user: says_inactive."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.rfc import strict_json
from scim.rfc.activity import says_inactive
from tests.clients.scim import USER, Json
from tests.support import scim_strategies
from tests.support.scim_leavers import UNKNOWN, VALUES

OTHER_VALUES: tuple[Any, ...] = (
    True,
    "True",
    1,
    "1",
    None,
    "",
    [],
    {},
    "yes",
    "maybe",
    2,
    -1,
    [False, False],
    [[]],
)
MEMBERS = ("active", "Active", " ACTIVE ", f"{USER}:active", "urn:scim:schemas:core:1.0:active")


def patch(*operations: Any) -> Json:
    return {"schemas": [], "operations": list(operations)}


@pytest.mark.parametrize("value", [*VALUES, " INACTIVE ", "disabled", "no", 0.0], ids=str)
@pytest.mark.parametrize("name", MEMBERS)
def test_every_spelling_of_false_deactivates(name: str, value: Any) -> None:
    assert says_inactive("PUT", {"userName": 5, name: value})
    assert says_inactive("PUT", {name: value, "x": [[[]]]})
    assert says_inactive("PATCH", patch({"op": "Replace", "path": name, "value": value}))
    assert says_inactive("PATCH", patch("x", {"OP": "add", "Value": {name: value}}, 5))
    assert says_inactive("PATCH", patch({"path": name, "value": value}))


@pytest.mark.parametrize("value", OTHER_VALUES, ids=str)
def test_other_values_do_not_deactivate(value: Any) -> None:
    assert not says_inactive("PUT", {"active": value})
    assert not says_inactive("PATCH", patch({"op": "add", "path": "active", "value": value}))


@pytest.mark.parametrize(
    "body",
    [
        {USER: {"active": False}},
        {USER.lower(): {"Active": "False"}},
        {"active": True, "ACTIVE": False},
        {"active": {"value": {"value": [0.0]}}},
    ],
    ids=str,
)
def test_nested_and_duplicate_names_deactivate(body: Json) -> None:
    assert says_inactive("PUT", body)
    assert says_inactive("PATCH", patch({"op": "add", "value": body}))
    assert says_inactive("PATCH", patch({"op": "add", "path": USER, "value": [body]}))
    assert says_inactive("PATCH", body)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "active",
        {"notactive": False},
        {f"{UNKNOWN}:active": False},
        {UNKNOWN: {"active": False}},
        {"emails": [{"active": False}]},
        {"meta": {"active": False}},
    ],
    ids=str,
)
def test_active_of_other_schemas_and_objects_does_not_deactivate(body: Any) -> None:
    assert not says_inactive("PUT", body)
    assert not says_inactive("PATCH", body)
    assert not says_inactive("PATCH", patch({"op": "add", "value": body}))


@pytest.mark.parametrize(
    ("values", "is_inactive"),
    [([False, True], False), ([True, False], True), ([False, None], True), (["x", "0"], True)],
)
def test_last_operation_counts(values: list[Any], is_inactive: bool) -> None:
    operations = [{"op": "replace", "path": "active", "value": value} for value in values]

    assert says_inactive("PATCH", patch(*operations)) is is_inactive


@pytest.mark.parametrize("op", ["remove", "test", "frobnicate", 5, []], ids=str)
def test_operations_other_than_add_and_replace_do_not_deactivate(op: Any) -> None:
    assert not says_inactive("PATCH", patch({"op": op, "path": "active", "value": False}))


def test_delete_deactivates() -> None:
    assert says_inactive("DELETE", None)


@given(scim_strategies.values, st.sampled_from(["PUT", "PATCH"]))
def test_every_body_can_be_read(body: Any, method: str) -> None:
    assert says_inactive(method, body) in (True, False)


@given(scim_strategies.operations)
def test_every_list_of_operations_can_be_read(operations: list[Any]) -> None:
    assert says_inactive("PATCH", {"Operations": operations}) in (True, False)


@pytest.mark.parametrize(
    "text",
    [
        b'{"active": false, "x": 1, "x": 2}',
        b'{"active": 0, "x": "\\u0000"}',
        b'{"active": false, "x": "\\ud800"}',
        b'{"active": false, "x": NaN}',
        b'{"active": 0, "x": ' + b"9" * 5000 + b"}",
        b'{"active": false, "x": "\xff"}',
        b'\xef\xbb\xbf{"active": false, "x": ' + b"[" * 40 + b"]" * 40 + b"}",
    ],
    ids=range(7),
)
def test_active_is_read_from_json_that_is_otherwise_refused(text: bytes) -> None:
    assert says_inactive("PUT", strict_json.read_leniently(text))


@pytest.mark.parametrize("text", [b"", b"active=false", b'{"active": false', b"[" * 500_000])
def test_text_that_is_not_json_has_no_value(text: bytes) -> None:
    assert strict_json.read_leniently(text) is None
