from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from scim2_models import InvalidSyntaxException, InvalidValueException, SCIMException

from scim.rfc.normalize import link_manager, manager_reference, normalize, replacement
from scim.rfc.resource_types import GROUP, USER
from tests.support.scim_strategies import resources

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"


def kept(**sent: Any) -> dict[str, Any]:
    """Return the normalized user without its userName."""
    document = normalize({"userName": "ada", **sent}, USER)
    assert document.pop("userName") == "ada"
    return document


def test_attribute_names_get_their_canonical_spelling() -> None:
    sent = {"NAME": {"GIVENname": "Ada"}, ENT.upper(): {"DEPARTMENT": "Sales"}}

    assert kept(**sent, Emails=[{"VALUE": "ada@example.com"}]) == {
        "schemas": [CORE, ENT],
        "name": {"givenName": "Ada"},
        "emails": [{"value": "ada@example.com"}],
        ENT: {"department": "Sales"},
    }


def test_read_only_and_unknown_attributes_are_removed() -> None:
    sent = {
        "id": "x",
        "meta": {"resourceType": "User"},
        "groups": [{"value": "x"}],
        "password": "secret",
        "shoeSize": 43,
        "name": {"givenName": "Ada", "shoeSize": 43},
        "urn:example:2.0:User": {"a": {"b": 1}},
    }

    assert kept(**sent) == {"schemas": [CORE], "name": {"givenName": "Ada"}}


@pytest.mark.parametrize("nothing", [None, "", []])
def test_unassigned_attributes_are_removed(nothing: object) -> None:
    sent = {
        "title": nothing,
        "emails": nothing,
        "roles": nothing,
        "manager": nothing,
        "department": nothing,
        "name": {"givenName": nothing},
        ENT: {"manager": nothing, "department": nothing},
    }

    assert kept(**sent) == {"schemas": [CORE]}


def test_schemas_follow_from_the_attributes() -> None:
    sent = {
        "schemas": [CORE, ENT, "http://schemas.example.com/2006/Group"],
        RAMP: {"location": "Paris"},
    }

    assert kept(**sent)["schemas"] == [CORE, RAMP]


def test_top_level_department_and_location_are_kept() -> None:
    sent = {"department": "Sales", "location": "Rome", "city": "Rome"}

    assert kept(**sent) == {"schemas": [CORE], **sent}


def test_custom_fields_of_any_name_are_kept_as_strings() -> None:
    sent = {"costCode": "C1", "level": 5, "remote": True, "location": "Paris", "schemas": [RAMP]}

    expected = {"costCode": "C1", "level": "5", "remote": "true", "location": "Paris"}
    assert kept(**{RAMP: sent})[RAMP] == expected


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({ENT: {"manager": "m-1"}}, id="a string (Entra)"),
        pytest.param({ENT: {"manager": {"value": "m-1", "displayName": "Bo"}}}, id="an object"),
        pytest.param({ENT: {"manager": [{"value": "m-1"}]}}, id="a list of one"),
        pytest.param({ENT: {"manager": {"$ref": "https://x/Users/m-1"}}}, id="a reference"),
        pytest.param({"manager": "m-1"}, id="at the top"),
        pytest.param({"Manager": {"value": "m-1"}}, id="an object at the top"),
        pytest.param({"manager": "other", ENT: {"manager": "m-1"}}, id="in both places"),
        pytest.param({"manager": None, ENT: {"manager": "m-1"}}, id="null at the top"),
    ],
)
def test_every_form_of_a_manager_becomes_an_object(sent: dict[str, Any]) -> None:
    document = kept(**sent)

    assert document == {"schemas": [CORE, ENT], ENT: {"manager": {"value": "m-1"}}}
    assert manager_reference(document) == "m-1"


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("Admin", [{"value": "Admin"}]),
        (["Admin", "Guest"], [{"value": "Admin"}, {"value": "Guest"}]),
        ({"value": "Admin"}, [{"value": "Admin"}]),
        (
            [{"value": '{"id":"1","value":"Admin","displayName":"The admin"}', "primary": False}],
            [{"value": "Admin", "display": "The admin", "primary": False}],
        ),
        ([{"value": "{not json"}], [{"value": "{not json"}]),
        ([{"type": "work", "primary": True}], None),
        ([None, {}, {"value": ""}], None),
        ([{"value": "Admin", "primary": "True"}], [{"value": "Admin", "primary": True}]),
    ],
)
def test_every_form_of_roles_becomes_a_list(roles: Any, expected: Any) -> None:
    assert kept(roles=roles).get("roles") == expected


@pytest.mark.parametrize(
    ("sent", "active"),
    [
        *[(form, True) for form in (True, "True", "true", "TRUE ", 1, "1", [True], [{"value": 1}])],
        *[(form, False) for form in (False, "False", "false", 0, "0", [0], {"VALUE": "False"})],
    ],
)
def test_every_form_of_active_becomes_a_boolean(sent: object, active: bool) -> None:
    assert kept(active=sent)["active"] is active


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"active": "maybe"}, "“active” must be true or false."),
        ({"active": 2}, "“active” must be true or false."),
        ({"active": [True, False]}, "“active” must be true or false."),
        ({"name": "Ada"}, "“name” must be an object."),
        (
            {"name": {"givenName": None, "familyName": {"x": 5}}},
            "“name.familyName” must be a string.",
        ),
        ({"emails": [[5]]}, "“emails” must be an object."),
        ({"emails": 5}, "“5” in emails is not an email address."),
        ({"emails": [{"value": {"x": 5}}]}, "“emails.value” must be a string."),
        ({"emails": ["not-an-email"]}, "“not-an-email” in emails is not an email address."),
        ({"emails": ["a b@example.com"]}, "“a b@example.com” in emails is not an email address."),
        ({"addresses": ["Main Street 1"]}, "“addresses” must be an object."),
        ({"roles": [{"value": str(n)} for n in range(201)]}, "200 values at most"),
        ({"userName": ""}, "“userName” is required."),
        ({"userName": "  "}, "“userName” is required."),
        ({"userName": None}, "“userName” is required."),
        ({"userName": "x" * 256}, "“userName” may be 255 characters long at most."),
    ],
)
def test_invalid_value_is_named(sent: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidValueException) as refused:
        normalize({"userName": "ada"} | sent, USER)

    assert text in refused.value.detail


@pytest.mark.parametrize("address", ["a@b", "ada@corp.local", "o'b+x@a-b.test", "ü@bücher.de"])
def test_email_may_have_any_domain(address: str) -> None:
    assert kept(emails=address)["emails"] == [{"value": address}]


@pytest.mark.parametrize(
    "address", ["@b", "a@", "a", "a@b@c", "a@-b", "a@b..c", "a@b.", "<a@b>", "a@b c", "a\x00@b"]
)
def test_invalid_email_is_refused(address: str) -> None:
    with pytest.raises(InvalidValueException, match="not an email address"):
        kept(emails=address)


@pytest.mark.parametrize(
    "sent",
    [
        {"externalId": "x", "USERNAME": "grace"},
        {"name": {"givenName": "a", "givenname": "b"}},
        {ENT: {"department": "a", "Department": "b"}},
    ],
)
def test_attribute_in_two_spellings_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntaxException, match="sent twice"):
        kept(**sent)


def test_members_are_not_part_of_a_group_document() -> None:
    sent = {"displayName": "Editors", "externalId": "g", "members": [{"value": "x"}]}

    assert normalize(sent, GROUP) == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Editors",
        "externalId": "g",
    }


class TestReplacement:
    STORED = normalize(
        {
            "userName": "ada",
            "active": False,
            "title": "Boss",
            "roles": ["Admin"],
            ENT: {"manager": "m-1"},
        },
        USER,
    )

    def test_only_active_and_roles_are_kept_if_not_sent(self) -> None:
        document = replacement({"userName": "ada"}, self.STORED, USER)

        assert document == {
            "schemas": [CORE],
            "userName": "ada",
            "active": False,
            "roles": [{"value": "Admin"}],
        }

    def test_empty_roles_remove_the_roles(self) -> None:
        assert "roles" not in replacement({"userName": "ada", "Roles": []}, self.STORED, USER)

    @pytest.mark.parametrize(("manager", "is_kept"), [("m-1", True), ("m-2", False)])
    def test_link_to_the_same_manager_is_kept(self, manager: str, is_kept: bool) -> None:
        stored = normalize(self.STORED, USER)
        link_manager(stored, "0b8b3c7e")

        document = replacement({"userName": "ada", ENT: {"manager": manager}}, stored, USER)

        assert (document[ENT]["manager"].get("$ref") == "/Users/0b8b3c7e") is is_kept


@given(resources)
def test_normalizing_twice_changes_nothing(sent: Any) -> None:
    with suppress(SCIMException):
        document = normalize(sent, USER)

        assert normalize(document, USER) == document
