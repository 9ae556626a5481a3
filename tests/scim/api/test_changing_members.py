from typing import Any

import pytest
from hypothesis import given
from scim2_models import InvalidFilterException, InvalidValueException, SCIMException

from scim.api import group_members
from scim.api.group_members import GroupChange
from scim.rfc.patch_operations import read_operations
from scim.rfc.resource_types import GROUP
from tests.support.scim_strategies import operations as any_operations


def change(*sent: dict[str, Any]) -> GroupChange:
    return group_members.change(read_operations({"Operations": list(sent)}, GROUP))


def one(op: str, *ids: str) -> dict[str, Any]:
    return {"op": op, "path": "members", "value": [{"value": name} for name in ids]}


def chosen(op: str, text: str) -> dict[str, Any]:
    return {"op": op, "path": f"members[{text}]"}


A, B = frozenset("a"), frozenset("b")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([one("add", "a")], GroupChange(added=A), id="add"),
        pytest.param([one("remove", "a")], GroupChange(removed=A), id="Entra's remove"),
        pytest.param([one("replace", "a")], GroupChange(replaced=A), id="replace"),
        pytest.param([one("Remove")], GroupChange(), id="remove none"),
        pytest.param([one("replace")], GroupChange(replaced=frozenset()), id="replace by none"),
        pytest.param(
            [{"op": "remove", "path": "members"}], GroupChange(replaced=frozenset()), id="empty"
        ),
        pytest.param([chosen("remove", 'value eq "a"')], GroupChange(removed=A), id="Okta's"),
        pytest.param([chosen("add", 'value eq "a"')], GroupChange(added=A), id="OneLogin's add"),
        pytest.param(
            [chosen("remove", 'value eq "a" or value eq "b"')],
            GroupChange(removed=A | B),
            id="remove two",
        ),
        pytest.param(
            [one("add", "a"), one("remove", "a")], GroupChange(removed=A), id="remove after add"
        ),
        pytest.param(
            [one("remove", "a"), one("add", "a")], GroupChange(added=A), id="add after remove"
        ),
        pytest.param(
            [one("replace", "a"), one("add", "b"), one("remove", "a")],
            GroupChange(replaced=B),
            id="after replacing",
        ),
        pytest.param(
            [one("add", "a"), one("replace", "b")], GroupChange(replaced=B), id="replace after add"
        ),
        pytest.param(
            [{"op": "replace", "value": {"members": [{"value": "a"}]}}],
            GroupChange(replaced=A),
            id="no path",
        ),
        pytest.param([{"op": "replace", "value": {"members": None}}], GroupChange(), id="null"),
        pytest.param(
            [{"op": "add", "path": "members", "value": {"$ref": None, "Value": "a"}}],
            GroupChange(added=A),
            id="single member as an object",
        ),
    ],
)
def test_member_operations_are_combined_into_sets(
    sent: list[dict[str, Any]], expected: GroupChange
) -> None:
    assert change(*sent) == expected


def test_other_operations_are_kept_separately() -> None:
    result = change(
        {"op": "replace", "value": {"id": "g", "schemas": [], "displayName": "Editors"}},
        one("add", "a"),
    )

    [rename] = result.operations
    assert (rename.op, rename.target.text, rename.value) == ("replace", "displayName", "Editors")
    assert result.added == A


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (chosen("remove", 'display eq "Ada"'), InvalidFilterException),
        (chosen("remove", 'value eq "a" and value eq "b"'), InvalidFilterException),
        (chosen("remove", "not (value pr)"), InvalidFilterException),
        ({"op": "add", "path": "members", "value": [{"display": "Ada"}]}, InvalidValueException),
        ({"op": "add", "path": "members", "value": [{"value": {}}]}, InvalidValueException),
    ],
)
def test_member_without_usable_id_is_refused(
    sent: dict[str, Any], error: type[SCIMException]
) -> None:
    with pytest.raises(error):
        change(sent)


def test_attributes_of_a_member_cannot_be_changed() -> None:
    sent = {"op": "replace", "path": 'members[value eq "a"].type', "value": "User"}

    with pytest.raises(SCIMException) as refused:
        change(sent)

    assert refused.value.scim_type == "mutability"


def test_missing_members_are_distinguished_from_an_empty_list() -> None:
    assert group_members.members_of({"displayName": "x"}) is None
    assert group_members.members_of({"displayName": "x", "members": None}) is None
    assert group_members.members_of({"Members": []}) == frozenset()
    assert group_members.members_of({"members": [{"value": "a"}, {"value": "a"}, "b"]}) == A | B


@given(any_operations)
def test_no_member_is_both_added_and_removed(sent: Any) -> None:
    try:
        result = change(*sent)
    except SCIMException:
        return

    assert not result.added & result.removed
    assert result.replaced is None or not (result.added or result.removed)
