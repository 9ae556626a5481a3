import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from scim2_models import SCIMException

from scim.rfc import patch
from scim.rfc.normalize import link_manager, normalize
from scim.rfc.patch_operations import read_operations
from scim.rfc.resource_types import USER
from tests.support.scim_strategies import operations as any_operations
from tests.support.scim_strategies import resources

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"

WORK = {"value": "ada@work.example", "type": "work", "primary": True}
HOME = {"value": "ada@home.example", "type": "home"}
ADA = normalize(
    {
        "userName": "ada",
        "active": True,
        "title": "Engineer",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [WORK, HOME],
        ENT: {"department": "Research", "manager": "m-1"},
        RAMP: {"location": "Paris", "costCode": "C1"},
    },
    USER,
)


def patched(*sent: dict[str, Any]) -> dict[str, Any]:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": sent}
    return patch.apply(ADA, read_operations({**body, "Operations": list(sent)}, USER), USER)


def changed(*sent: dict[str, Any]) -> dict[str, Any]:
    """Return the changed attributes: their new values, or None if they were removed."""
    after = patched(*sent)
    return {
        name: after.get(name)
        for name in (ADA.keys() | after.keys()) - {"schemas"}
        if after.get(name) != ADA.get(name)
    }


def refused(*sent: Any) -> SCIMException:
    with pytest.raises(SCIMException) as raised:
        patched(*sent)
    return raised.value


class TestAdd:
    @pytest.mark.parametrize("op", ["add", "Add", "ADD"])
    def test_single_value_is_set(self, op: str) -> None:
        assert changed({"op": op, "path": "title", "value": "Boss"}) == {"title": "Boss"}

    def test_complex_value_is_merged(self) -> None:
        name = {"middleName": "K", "givenName": "Augusta"}

        expected = {"givenName": "Augusta", "familyName": "Lovelace", "middleName": "K"}
        assert changed({"op": "add", "path": "name", "value": name}) == {"name": expected}

    @pytest.mark.parametrize(
        "value",
        [
            [{"value": "x@y"}],
            {"value": "x@y"},
            "x@y",
            [{"VALUE": "x@y", "type": "", "shoe": 1}],
        ],
    )
    def test_value_is_appended_to_a_list(self, value: object) -> None:
        after = changed({"op": "add", "path": "emails", "value": value})

        assert after == {"emails": [WORK, HOME, {"value": "x@y"}]}

    def test_existing_value_is_not_repeated(self) -> None:
        assert changed({"op": "add", "path": "emails", "value": [HOME]}) == {}

    def test_sub_attributes_are_merged_into_the_same_value(self) -> None:
        home = {"value": "ada@home.example", "type": "home", "display": "At home"}

        assert changed({"op": "add", "path": "emails", "value": [home]}) == {"emails": [WORK, home]}

    def test_new_primary_value_is_the_only_one(self) -> None:
        added = {"value": "x@y", "primary": "true"}

        assert changed({"op": "add", "path": "emails", "value": [added]})["emails"] == [
            {**WORK, "primary": False},
            HOME,
            {"value": "x@y", "primary": True},
        ]

    def test_element_described_by_the_path_is_created_once(self) -> None:
        place = 'addresses[type eq "work"]'

        assert changed(
            {"op": "Add", "path": f"{place}.locality", "value": "Bergen"},
            {"op": "Add", "path": f"{place}.region", "value": "Vestland"},
        ) == {"addresses": [{"type": "work", "locality": "Bergen", "region": "Vestland"}]}

    def test_three_operations_of_entra_create_one_email(self) -> None:
        place = 'emails[type eq "other"]'

        after = changed(
            {"op": "Add", "path": f"{place}.primary", "value": "true"},
            {"op": "Add", "path": f"{place}.type", "value": "other"},
            {"op": "Add", "path": f"{place}.value", "value": "x@y"},
        )

        assert after["emails"][2] == {"type": "other", "primary": True, "value": "x@y"}
        assert after["emails"][0]["primary"] is False


class TestReplace:
    @pytest.mark.parametrize(
        ("path", "value", "after"),
        [
            ("title", "Boss", {"title": "Boss"}),
            ("TITLE", "Boss", {"title": "Boss"}),
            (f"{CORE}:title", "Boss", {"title": "Boss"}),
            ("active", "False", {"active": False}),
            ("name.familyName", "King", {"name": {"givenName": "Ada", "familyName": "King"}}),
            ("name", {"familyName": "King"}, {"name": {"givenName": "Ada", "familyName": "King"}}),
            ("name", {"givenName": None}, {"name": {"familyName": "Lovelace"}}),
            ("emails", [HOME], {"emails": [HOME]}),
            ("emails.type", "x", {"emails": [{**WORK, "type": "x"}, {**HOME, "type": "x"}]}),
            ('emails[type eq "WORK"].value', "x@y", {"emails": [{**WORK, "value": "x@y"}, HOME]}),
            (
                'emails[type eq "work" and value co "@"].display',
                "A",
                {"emails": [{**WORK, "display": "A"}, HOME]},
            ),
            (
                'emails[type eq "work"]',
                {"value": "x@y"},
                {"emails": [{"value": "x@y", "type": "work"}, HOME]},
            ),
            (
                'emails[primary eq "True"].value',
                "x@y",
                {"emails": [{**WORK, "value": "x@y"}, HOME]},
            ),
            ("roles", "Admin", {"roles": [{"value": "Admin"}]}),
            (
                'roles[primary eq "True"].value',
                "Admin",
                {"roles": [{"primary": True, "value": "Admin"}]},
            ),
            (f"{ENT}:department", "Sales", {ENT: {**ADA[ENT], "department": "Sales"}}),
            (f"{ENT.upper()}:Department", "Sales", {ENT: {**ADA[ENT], "department": "Sales"}}),
            (ENT, {"department": "Sales"}, {ENT: {**ADA[ENT], "department": "Sales"}}),
            (f"{ENT}:manager", "m-2", {ENT: {**ADA[ENT], "manager": {"value": "m-2"}}}),
            (f"{ENT}:manager.value", "m-2", {ENT: {**ADA[ENT], "manager": {"value": "m-2"}}}),
            ("manager", [{"value": "m-2"}], {ENT: {**ADA[ENT], "manager": {"value": "m-2"}}}),
            (f"{RAMP}:costcode", "C2", {RAMP: {**ADA[RAMP], "costCode": "C2"}}),
            ("city", "Rome", {"city": "Rome"}),
        ],
    )
    def test_value_at_the_path_is_replaced(
        self, path: str, value: object, after: dict[str, Any]
    ) -> None:
        assert changed({"op": "replace", "path": path, "value": value}) == after

    @pytest.mark.parametrize("nothing", [None, ""])
    @pytest.mark.parametrize(
        ("path", "after"),
        [
            ("title", {"title": None}),
            ("emails", {"emails": None}),
            ("name.givenName", {"name": {"familyName": "Lovelace"}}),
            ('emails[type eq "work"].value', {"emails": [HOME]}),
            ('emails[type eq "work"]', {"emails": [HOME]}),
            (f"{ENT}:manager", {ENT: {"department": "Research"}}),
            (f"{RAMP}:location", {RAMP: {"costCode": "C1"}}),
            (ENT, {ENT: None}),
        ],
    )
    def test_null_and_empty_text_remove_the_value(
        self, path: str, nothing: object, after: dict[str, Any]
    ) -> None:
        assert changed({"op": "Replace", "path": path, "value": nothing}) == after

    def test_operation_without_path_accepts_dotted_names_and_filters(self) -> None:
        value = {
            "displayName": "Ada",
            "name.givenName": "Augusta",
            'emails[type eq "home"].value': "x@y",
            f"{ENT}:department": "Sales",
            ENT: {"division": "D"},
        }

        assert changed({"op": "replace", "value": value}) == {
            "displayName": "Ada",
            "name": {"givenName": "Augusta", "familyName": "Lovelace"},
            "emails": [WORK, {"value": "x@y", "type": "home"}],
            ENT: {**ADA[ENT], "department": "Sales", "division": "D"},
        }

    def test_read_only_and_unknown_attributes_are_ignored(self) -> None:
        value = {"id": "x", "schemas": [], "meta": {}, "groups": [], "password": "x", "shoe": 1}

        assert changed({"op": "replace", "value": value}) == {}
        assert changed({"op": "replace", "path": "password", "value": "secret"}) == {}
        assert changed({"op": "replace", "value": {"urn:example": 1}}) == {}

    @pytest.mark.parametrize(
        "sent",
        [
            {"op": "add", "path": "title"},
            {"op": "replace", "path": "title", "value": "x" * 201},
            {"op": "replace", "path": "title", "value": {"x": 1}},
            {"op": "replace", "path": 'title[value eq "x"]', "value": 43},
            {"op": "replace", "path": "shoeSize", "value": 43},
            {"op": "replace", "path": "shoe size[", "value": 43},
            {"op": "replace", "path": "name.shoe", "value": 43},
            {"op": "replace", "path": "name.formatted", "value": "x" * 1025},
            {"op": "replace", "path": "urn:example:x", "value": 43},
            {"op": "replace", "path": "urn:example:2.0:User:a.b", "value": 43},
            {"op": "replace", "path": f"{ENT}:shoe", "value": 43},
            {"op": "replace", "path": f"{ENT}:manager.displayName", "value": "x"},
            {"op": "replace", "path": ENT, "value": "Sales"},
            {"op": "replace", "value": {"name.shoe": 43, f"{ENT}:shoe": 43}},
            {"op": "remove", "path": "photos[primary eq 5]"},
            {"op": "add", "path": "photos", "value": [{"value": "x" * 30_000}]},
            {"op": "add", "path": "phoneNumbers", "value": [[1]]},
        ],
        ids=str,
    )
    def test_invalid_values_of_unused_attributes_are_ignored(self, sent: Any) -> None:
        assert changed(sent) == {}
        assert changed(sent, {"op": "replace", "path": "active", "value": "False"}) == {
            "active": False
        }


class TestRemove:
    @pytest.mark.parametrize(
        ("path", "after"),
        [
            ("title", {"title": None}),
            ("nickName", {}),
            ("active", {"active": None}),
            ("name", {"name": None}),
            ("name.givenName", {"name": {"familyName": "Lovelace"}}),
            ("emails", {"emails": None}),
            ('emails[type eq "work"]', {"emails": [HOME]}),
            ('emails[type eq "fax"]', {}),
            ('emails[type eq "home"].type', {"emails": [WORK, {"value": "ada@home.example"}]}),
            (f"{ENT}:manager", {ENT: {"department": "Research"}}),
            (f"{ENT}:manager.value", {ENT: {"department": "Research"}}),
            (ENT, {ENT: None}),
            (f"{RAMP}:COSTCODE", {RAMP: {"location": "Paris"}}),
        ],
    )
    def test_value_at_the_path_is_removed(self, path: str, after: dict[str, Any]) -> None:
        assert changed({"op": "Remove", "path": path}) == after

    @pytest.mark.parametrize("value", [[HOME], HOME, "ada@home.example"])
    def test_only_the_given_values_are_removed(self, value: object) -> None:
        assert changed({"op": "remove", "path": "emails", "value": value}) == {"emails": [WORK]}

    @pytest.mark.parametrize("value", [[], [{"type": "home"}], [{"value": "x@y"}]])
    def test_values_not_in_the_list_are_not_removed(self, value: object) -> None:
        assert changed({"op": "remove", "path": "emails", "value": value}) == {}

    def test_schema_of_an_empty_extension_is_removed(self) -> None:
        after = patched({"op": "remove", "path": ENT})

        assert after["schemas"] == [CORE, RAMP]


class TestRefusals:
    @pytest.mark.parametrize(
        ("sent", "scim_type"),
        [
            ({"op": "move", "path": "title"}, "invalidSyntax"),
            ({"path": "title", "value": "x"}, "invalidSyntax"),
            ({"op": "add", "path": 5, "value": "x"}, "invalidSyntax"),
            ("add", "invalidSyntax"),
            ({"op": "remove"}, "noTarget"),
            ({"op": "add", "value": "x"}, "invalidValue"),
            ({"op": "add", "path": "userName"}, "invalidValue"),
            ({"op": "replace", "path": 'userName[value eq "x"]', "value": "x"}, "invalidPath"),
            ({"op": "replace", "path": "emails[", "value": 43}, "invalidPath"),
            ({"op": "replace", "path": 'emails[shoe eq "x"].value', "value": "x"}, "invalidFilter"),
            ({"op": "replace", "path": 'emails[type co "x"].value', "value": "x@y"}, "noTarget"),
            ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
            ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
            ({"op": "remove", "path": "meta.created"}, "mutability"),
            ({"op": "remove", "path": "userName"}, "mutability"),
            ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
            ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
            ({"op": "replace", "path": "emails", "value": "not-an-email"}, "invalidValue"),
            (
                {"op": "replace", "path": 'emails[type eq "work"]', "value": [HOME, WORK]},
                "invalidValue",
            ),
        ],
    )
    def test_refusal_has_the_right_scim_type(self, sent: Any, scim_type: str) -> None:
        error = refused(sent)

        assert (error.status, error.scim_type) == (400, scim_type), error.detail

    def test_refused_operation_undoes_the_others(self) -> None:
        before = copy.deepcopy(ADA)

        refused({"op": "replace", "path": "title", "value": "Boss"}, {"op": "frobnicate"})
        refused({"op": "remove", "path": "name"}, {"op": "remove", "path": "userName"})

        assert before == ADA

    @pytest.mark.parametrize("body", [None, [], {}, {"Operations": None}, {"Operations": {}}])
    def test_list_of_operations_is_required(self, body: object) -> None:
        with pytest.raises(SCIMException, match="PATCH"):
            read_operations(body, USER)

    def test_number_of_operations_is_limited(self) -> None:
        many = [{"op": "add", "path": "title", "value": "x"}] * 501
        hidden = {"op": "add", "value": {f'roles[value eq "{n}"].type': "x" for n in range(501)}}

        assert refused(*many).status == 413
        assert refused(hidden).status == 413


def test_empty_list_of_operations_changes_nothing() -> None:
    assert patched() == ADA
    assert read_operations({"operations": []}, USER) == []


@pytest.mark.parametrize(("manager", "is_kept"), [("m-1", True), ("m-2", False)])
def test_link_is_kept_only_for_the_same_manager(manager: str, is_kept: bool) -> None:
    stored = copy.deepcopy(ADA)
    link_manager(stored, "0b8b3c7e")
    sent = {"op": "replace", "path": f"{ENT}:manager", "value": manager}

    after = patch.apply(stored, read_operations({"Operations": [sent]}, USER), USER)

    assert ("$ref" in after[ENT]["manager"]) is is_kept


@settings(max_examples=300)
@given(resources, any_operations)
def test_patch_does_not_modify_the_stored_document(sent: Any, changes: Any) -> None:
    with suppress(SCIMException):
        stored = normalize(sent, USER)
        before = copy.deepcopy(stored)

        with suppress(SCIMException):
            after = patch.apply(stored, read_operations({"Operations": changes}, USER), USER)
            assert normalize(after, USER) == after

        assert stored == before
