from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from scim2_models import SCIMException

from people.models.field_table import EDITABLE
from people.values import Profile, is_usable_name
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import USER
from scim.sync.attribute_mapping import SOURCES, MappedUser, check_path, profile_of, snake_case
from tests.support.scim_strategies import resources

ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"


def mapped_user(mapping: dict[str, str] | None = None, /, **sent: Any) -> MappedUser:
    return profile_of(normalize({"userName": "ada", **sent}, USER), mapping or {})


def test_complete_document_fills_the_profile() -> None:
    result = mapped_user(
        name={"givenName": " Ada ", "familyName": "Lovelace"},
        emails=["ada@example.com"],
        addresses=[{"type": "work", "locality": "London"}],
        roles=[{"type": "rampUserRole", "value": "BUSINESS_ADMIN"}],
        **{ENT: {"department": "Research", "manager": "bo@example.com"}},
    )

    assert result == MappedUser(
        profile=Profile(
            given_name="Ada",
            family_name="Lovelace",
            email="ada@example.com",
            department="Research",
            location="London",
            role="BUSINESS_ADMIN",
        ),
        manager="bo@example.com",
        custom_fields={},
        missing=(),
    )


def test_every_field_that_a_connection_may_manage_has_default_attributes() -> None:
    assert {*SOURCES} == {*EDITABLE}


def test_empty_document_lists_missing_fields() -> None:
    result = mapped_user()

    assert result.missing == ("given_name", "family_name", "email", "department", "location")
    assert result.profile.role is None


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        (
            {RAMP: {"location": "A"}, "addresses": [{"type": "work", "locality": "B"}]},
            "A",
        ),
        (
            {
                "addresses": [
                    {"locality": "A", "primary": True},
                    {"locality": "B", "type": "WORK"},
                ]
            },
            "B",
        ),
        ({"addresses": [{"locality": "A"}, {"locality": "B", "primary": True}]}, "B"),
        ({"addresses": [{"locality": "A"}], "location": "B"}, "A"),
        ({"addresses": [{"locality": "A"}, {"locality": "B"}], "location": "C", "city": "D"}, "C"),
        ({"addresses": [{"type": "work", "country": "PL"}], "city": "D"}, "D"),
        ({"addresses": [{"locality": "A"}, {"locality": "B"}]}, ""),
    ],
)
def test_location_is_taken_from_the_first_source_with_a_value(
    sent: dict[str, Any], location: str
) -> None:
    assert mapped_user(**sent).profile.location == location


@pytest.mark.parametrize(
    ("sent", "department"),
    [({ENT: {"department": "A"}, "department": "B"}, "A"), ({"department": "B"}, "B"), ({}, "")],
)
def test_department_is_taken_from_enterprise_extension_or_top_level(
    sent: dict[str, Any], department: str
) -> None:
    assert mapped_user(**sent).profile.department == department


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ([{"value": "A", "primary": True}, {"value": "B", "type": "rampUserRole"}], "B"),
        ([{"value": "A"}, {"value": "B", "primary": "True"}], "B"),
        ([{"value": "A", "type": "anything"}], "A"),
        ("Admin", "Admin"),
        ([{"value": "A"}, {"value": "B"}], None),
        ([], None),
    ],
)
def test_role_is_the_ramp_one_the_primary_one_or_the_only_one(roles: Any, role: str | None) -> None:
    assert mapped_user(roles=roles).profile.role == role


@pytest.mark.parametrize(
    ("sent", "email"),
    [
        ({"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x", "primary": True}]}, "b@x"),
        ({"emails": [{"value": "a@x"}, {"value": "b@x", "type": "work"}]}, "b@x"),
        ({"emails": [{"value": "a@x", "type": "home"}, {"value": "b@x"}]}, "a@x"),
        ({"userName": "ada@x"}, "ada@x"),
        ({"userName": "ada"}, ""),
    ],
)
def test_email_is_the_primary_address_or_the_user_name(sent: dict[str, Any], email: str) -> None:
    result = mapped_user(**sent)

    assert result.profile.email == email
    assert ("email" in result.missing) is (email == "")


@pytest.mark.parametrize(
    "name",
    ["Ada", "O'Brien", "Jr.", "李", "J", "é", "e\u0301", "Łucja-Maria", "3rd", "क्षि", "A" * 200],
)
def test_name_in_any_script_is_usable(name: str) -> None:
    assert is_usable_name(name)


@pytest.mark.parametrize(
    "name", ["", "-", "...", "123", "!?", "a\x00", "a\nb", "\u202eada", "\u0301", "A" * 201]
)
def test_name_without_letter_or_with_hidden_characters_is_unusable(name: str) -> None:
    assert not is_usable_name(name)


@pytest.mark.parametrize("name", [None, "", "  ", "--"])
def test_blank_name_is_missing(name: str | None) -> None:
    result = mapped_user(name={"givenName": name, "familyName": "Lovelace"})

    assert "given_name" in result.missing


@pytest.mark.parametrize(
    ("scim", "ours"),
    [
        ("costCenter", "cost_center"),
        ("tShirtSize", "t_shirt_size"),
        ("HRCode", "hr_code"),
        ("badgeID", "badge_id"),
        ("level2Support", "level2_support"),
        ("already_snake", "already_snake"),
    ],
)
def test_custom_field_names_are_converted_to_snake_case(scim: str, ours: str) -> None:
    assert snake_case(scim) == ours
    assert mapped_user(**{RAMP: {scim: "x", "location": "y"}}).custom_fields == {ours: "x"}


class TestMappingOfTheConnection:
    def test_mapped_field_ignores_default_attributes(self) -> None:
        mapping = {
            "department": f"{ENT}:costCenter",
            "location": 'addresses[type eq "home"].region',
        }
        result = mapped_user(
            mapping,
            addresses=[{"type": "work", "locality": "A"}, {"type": "home", "region": "B"}],
            **{ENT: {"department": "Research"}},
        )

        assert result.profile.location == "B"
        assert result.profile.department == ""
        assert "department" in result.missing

    def test_custom_fields_and_manager_can_be_mapped_to_any_path(self) -> None:
        mapping = {"shirt": "title", "manager": f"{RAMP}:boss", "mail": "emails"}
        result = mapped_user(mapping, title="XL", emails=["a@x"], **{RAMP: {"Boss": "m-1"}})

        assert result.manager == "m-1"
        assert result.custom_fields == {"boss": "m-1", "shirt": "XL", "mail": "a@x"}

    @pytest.mark.parametrize("path", ["shoeSize", "emails[", 'emails[shoe eq "x"]', ENT, ""])
    def test_invalid_path_is_refused_on_save_and_ignored_on_read(self, path: str) -> None:
        with pytest.raises(SCIMException):
            check_path(path)
        assert mapped_user({"shirt": path or "?"}, emails=["a@x"]).custom_fields == {}


@given(resources)
def test_every_normalized_document_can_be_mapped(sent: Any) -> None:
    try:
        document = normalize(sent, USER)
    except SCIMException:
        return

    result = profile_of(document, {"shirt": 'roles[type eq "work"].display'})

    profile = asdict(result.profile)
    assert profile.pop("unspecified") == frozenset()
    said_of_them = [*profile.values(), result.manager, *result.custom_fields.values()]
    assert all(value is None or isinstance(value, str) for value in said_of_them)
