"""PATCH operations of each kind that the test suites of SCIM libraries cover.

The libraries are scim-patch, scim2-filter-parser, UnboundID's SCIM 2 SDK and elimity's scim.
"""

from typing import Any

import pytest
from scim2_models import SCIMException

from scim.rfc import patch
from scim.rfc.normalize import normalize
from scim.rfc.patch_operations import read_operations
from scim.rfc.resource_types import USER
from tests.clients.scim import ENT, Json
from tests.clients.scim import USER as CORE

WORK = {"value": "mira@work.example", "type": "work", "primary": True}
HOME = {"value": "mira@home.example", "type": "home", "display": "At home"}
DESK = {"value": "+351 1", "type": "work"}
CELL = {"value": "+351 2", "type": "mobile"}
FAX = {"value": "+351 3", "type": "fax"}
MIRA = normalize(
    {
        "userName": "mira",
        "nickName": "Mi",
        "name": {"givenName": "Mira", "familyName": "Okafor", "honorificPrefix": "Dr"},
        "emails": [WORK, HOME],
        "phoneNumbers": [DESK, CELL, FAX],
        ENT: {"department": "Finance", "division": "South"},
    },
    USER,
)


def patched(*sent: Json, stored: Json = MIRA) -> Json:
    return patch.apply(stored, read_operations({"Operations": list(sent)}, USER), USER)


def changed(*sent: Json) -> Json:
    """Return the changed attributes: their new values, or None if they were removed."""
    after = patched(*sent)
    return {
        name: after.get(name)
        for name in (MIRA.keys() | after.keys()) - {"schemas"}
        if after.get(name) != MIRA.get(name)
    }


def op(name: str, path: str | None = None, *value: Any) -> Json:
    return {
        "op": name,
        **({"path": path} if path is not None else {}),
        **({"value": value[0]} if value else {}),
    }


SELECTIONS = {
    'type eq "work"': [CELL, FAX],
    'type ne "work"': [DESK],
    'type eq "work" or type eq "fax"': [CELL],
    'not (type eq "work")': [DESK],
    'type eq "work" and value co "1"': [CELL, FAX],
    'type eq "work" and value co "9"': [DESK, CELL, FAX],
    'value sw "+351"': None,
    'value ew "3"': [DESK, CELL],
    'value gt "+351 1"': [DESK],
    'value le "+351 2"': [FAX],
    "type pr": None,
    "display pr": [DESK, CELL, FAX],
    '(type eq "fax") or (type eq "mobile" and value ew "2")': [DESK],
    'TYPE EQ "Work"': [CELL, FAX],
}


@pytest.mark.parametrize(("selection", "left"), SELECTIONS.items())
def test_remove_with_filter_removes_the_selected_values(selection: str, left: Any) -> None:
    expected = {} if left == MIRA["phoneNumbers"] else {"phoneNumbers": left}

    assert changed(op("remove", f"phoneNumbers[{selection}]")) == expected


@pytest.mark.parametrize(("selection", "left"), SELECTIONS.items())
def test_replace_with_filter_changes_the_selected_values(selection: str, left: Any) -> None:
    sent = op("replace", f"phoneNumbers[{selection}].display", "Call")
    unselected = left or []

    assert patched(sent)["phoneNumbers"] == [
        one if one in unselected else one | {"display": "Call"} for one in MIRA["phoneNumbers"]
    ]


class TestAdd:
    @pytest.mark.parametrize(
        ("sent", "after"),
        [
            (op("add", None, {"nickName": "M", "title": "Analyst"}), {"title": "Analyst"}),
            (op("add", None, {"name": {"middleName": "K"}}), {}),
            (op("add", None, {"phoneNumbers": [{"value": "+351 4"}]}), {}),
            (op("add", "name.middleName", "K"), {}),
            (op("add", "name", {"middleName": "K"}), {}),
        ],
    )
    def test_existing_values_are_kept(self, sent: Json, after: Json) -> None:
        result = patched(sent)

        assert result["name"].items() >= MIRA["name"].items()
        assert result["phoneNumbers"][:3] == MIRA["phoneNumbers"]
        assert result != MIRA
        assert result.items() >= after.items()

    def test_sub_attribute_creates_the_complex_attribute(self) -> None:
        bare = normalize({"userName": "x"}, USER)

        after = patched(op("add", "name.givenName", "Mira"), stored=bare)

        assert after["name"] == {"givenName": "Mira"}

    def test_attribute_creates_the_extension(self) -> None:
        bare = normalize({"userName": "x"}, USER)

        after = patched(op("add", f"{ENT}:department", "Finance"), stored=bare)

        assert after[ENT] == {"department": "Finance"}
        assert after["schemas"] == [CORE, ENT]

    def test_several_values_are_added(self) -> None:
        more = [{"value": f"+351 {n}", "type": "other"} for n in (7, 8)]

        assert changed(op("add", "phoneNumbers", more)) == {
            "phoneNumbers": [DESK, CELL, FAX, *more]
        }

    def test_sub_attribute_is_added_to_selected_values(self) -> None:
        sent = op("add", 'emails[type eq "work"].display', "Office")

        assert changed(sent) == {"emails": [WORK | {"display": "Office"}, HOME]}

    def test_new_primary_value_replaces_the_old_one(self) -> None:
        sent = {"op": "add", "path": 'emails[type eq "home"].primary', "value": True}

        assert changed(sent) == {"emails": [WORK | {"primary": False}, HOME | {"primary": True}]}


class TestReplace:
    def test_list_is_replaced_by_one_value(self) -> None:
        for value in (CELL, [CELL]):
            assert changed(op("replace", "phoneNumbers", value)) == {"phoneNumbers": [CELL]}

    def test_operation_without_path_replaces_lists(self) -> None:
        sent = op("replace", None, {"phoneNumbers": [CELL], "nickName": "M"})

        assert changed(sent) == {"phoneNumbers": [CELL], "nickName": "M"}

    def test_sub_attribute_of_all_values_is_replaced(self) -> None:
        after = patched(op("replace", "phoneNumbers.type", "other"))

        assert [one["type"] for one in after["phoneNumbers"]] == ["other"] * 3

    def test_missing_attribute_is_added(self) -> None:
        assert changed(op("replace", "title", "Analyst")) == {"title": "Analyst"}
        assert changed(op("replace", "name.middleName", "K")) == {
            "name": MIRA["name"] | {"middleName": "K"}
        }
        assert changed(op("replace", f"{ENT}:costCenter", "7"))[ENT]["costCenter"] == "7"

    def test_same_value_changes_nothing(self) -> None:
        for path, value in (
            ("nickName", "Mi"),
            ("name", MIRA["name"]),
            ("phoneNumbers", MIRA["phoneNumbers"]),
            ('emails[type eq "home"]', HOME),
            (f"{ENT}:division", "South"),
        ):
            assert changed(op("replace", path, value)) == {}

    def test_primary_value_can_be_changed(self) -> None:
        sent = op("replace", 'emails[type eq "home"].primary', "True")

        assert [one["primary"] for one in patched(sent)["emails"]] == [False, True]

    @pytest.mark.parametrize("text", ["a]b", "a[b", 'a"b', "a\\b", "a) or (b", "a and b"])
    def test_filter_with_special_characters_selects_a_value(self, text: str) -> None:
        stored = patched(op("add", "phoneNumbers", {"value": "+1", "display": text}))
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')

        after = patched(
            op("replace", f'phoneNumbers[display eq "{quoted}"].value', "+2"), stored=stored
        )

        assert after["phoneNumbers"][3] == {"value": "+2", "display": text}


class TestRemove:
    def test_sub_attribute_of_all_values_is_removed(self) -> None:
        after = patched(op("remove", "phoneNumbers.type"))

        assert after["phoneNumbers"] == [{"value": one["value"]} for one in (DESK, CELL, FAX)]

    def test_sub_attribute_of_selected_values_is_removed(self) -> None:
        assert changed(op("remove", 'emails[type eq "home"].display')) == {
            "emails": [WORK, {"value": HOME["value"], "type": "home"}]
        }

    def test_complex_attribute_ends_with_its_last_sub_attribute(self) -> None:
        parts = ("givenName", "familyName", "honorificPrefix")

        assert "name" not in patched(*(op("remove", f"name.{part}") for part in parts))

    def test_extension_ends_with_its_last_attribute(self) -> None:
        after = patched(*(op("remove", f"{ENT}:{name}") for name in ("department", "division")))

        assert ENT not in after
        assert after["schemas"] == [CORE]

    def test_list_ends_with_its_last_value(self) -> None:
        kinds = ("work", "mobile", "fax")
        removed = [op("remove", f'phoneNumbers[type eq "{kind}"]') for kind in kinds]

        assert "phoneNumbers" not in patched(*removed)

    @pytest.mark.parametrize("path", ["title", "name.middleName", "photos", f"{ENT}:costCenter"])
    def test_missing_attribute_changes_nothing(self, path: str) -> None:
        assert changed(op("remove", path)) == {}


class TestSeveralOperations:
    @pytest.mark.parametrize(
        ("sent", "nick_name"),
        [
            ([op("replace", "nickName", "A"), op("replace", "nickName", "B")], "B"),
            ([op("remove", "nickName"), op("add", "nickName", "B")], "B"),
            ([op("add", "nickName", "B"), op("remove", "nickName")], None),
            ([op("replace", None, {"nickName": "B"}), op("replace", "nickName", "Mi")], "Mi"),
        ],
        ids=["replaced twice", "removed and added", "added and removed", "with and without a path"],
    )
    def test_operations_are_applied_in_order(self, sent: list[Json], nick_name: str | None) -> None:
        assert patched(*sent).get("nickName") == nick_name

    def test_later_operations_see_earlier_changes(self) -> None:
        after = patched(
            op("remove", "phoneNumbers"),
            op("add", "phoneNumbers", [{"value": "+1", "type": "work"}]),
            op("replace", 'phoneNumbers[type eq "work"].value', "+2"),
        )

        assert after["phoneNumbers"] == [{"value": "+2", "type": "work"}]

    @pytest.mark.parametrize(
        ("wrong", "scim_type"),
        [
            (op("remove"), "noTarget"),
            (op("remove", ""), "noTarget"),
            (op("add"), "invalidValue"),
            (op("replace", "userName"), "invalidValue"),
            (op("replace", 'emails[type co "pager"].value', "x@y"), "noTarget"),
            (op("add", "emails[type eq].value", "x@y"), "invalidPath"),
            (op("add", 'emails[type zz "work"].value', "x@y"), "invalidPath"),
            (op("replace", "groups", []), "mutability"),
            (op("copy", "nickName", "x"), "invalidSyntax"),
        ],
        ids=str,
    )
    def test_refused_operation_undoes_the_others(self, wrong: Json, scim_type: str) -> None:
        with pytest.raises(SCIMException) as refused:
            patched(op("replace", "nickName", "A"), wrong)

        assert refused.value.scim_type == scim_type
        assert MIRA["nickName"] == "Mi"


@pytest.mark.parametrize("name", ["add", "Add", "ADD", "replace", "Replace", "REPLACE"])
@pytest.mark.parametrize("path", ["nickName", "NICKNAME", f"{CORE}:nickName", f"{CORE}:nickname"])
def test_operations_and_paths_are_case_insensitive(name: str, path: str) -> None:
    assert changed(op(name, path, "M")) == {"nickName": "M"}
