"""Unusual values that providers send, and how Ramp reads them."""

from typing import Any

import pytest

from scim.rfc import notes, patch
from scim.rfc.normalize import manager_reference, normalize, replacement
from scim.rfc.patch_operations import read_operations
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import Attribute
from scim.sync.attribute_mapping import profile_of
from tests.clients.scim import ENT, RAMP, Json

OLD_ENT = "urn:scim:schemas:extension:enterprise:1.0"
CORE = USER.core.urn
FOREIGN = "urn:ietf:params:scim:schemas:extension:larch:2.0:User"


def kept(**sent: Any) -> Json:
    """Return the normalized user without userName and schemas."""
    document = normalize({"userName": "ada"} | sent, USER)
    return {name: value for name, value in document.items() if name not in ("userName", "schemas")}


def ignored(**sent: Any) -> list[str]:
    with notes.collecting() as collected:
        kept(**sent)
    return [note.text for note in collected]


def unused() -> list[Attribute]:
    return [one for one in USER.core.attributes if not one.matters and one.is_written]


class TestUnusedAttribute:
    @pytest.mark.parametrize("attribute", unused(), ids=lambda one: one.name)
    @pytest.mark.parametrize(
        "value", [{"x": {"y": 1}}, [[1], [2]], "x" * 200_000, [{"value": {"x": 1}}]], ids=str
    )
    def test_invalid_value_does_not_refuse_the_user(self, attribute: Attribute, value: Any) -> None:
        assert kept(**{attribute.name: value}).get(attribute.name) in (None, [])

    @pytest.mark.parametrize(
        ("sent", "text"),
        [
            ({"title": "x" * 201}, "Ignored: title, may be 200 characters long at most"),
            ({"shoeSize": 43}, "Ignored: shoeSize, unknown"),
            ({"title": "a", "TITLE": "b"}, "Ignored: title, sent twice"),
            ({ENT: "Sales"}, f"Ignored: {ENT}, not an object"),
            ({ENT: {"shoe": 43}}, f"Ignored: {ENT}:shoe, unknown"),
            ({"x509Certificates": ["?"]}, "Ignored: x509Certificates.value, must be base64"),
            ({"name.shoe": 43}, "Ignored: name.shoe, unknown"),
        ],
    )
    def test_ignored_value_is_reported(self, sent: Json, text: str) -> None:
        assert text in ignored(**sent)

    def test_standard_document_reports_nothing(self) -> None:
        assert ignored(title="Clerk", **{ENT: {"department": "Legal"}}) == []

    def test_valid_values_of_a_list_are_kept(self) -> None:
        phones = [{"value": "1", "type": "work"}, [2], {"value": {"x": 3}}]

        assert kept(phoneNumbers=phones) == {"phoneNumbers": [{"value": "1", "type": "work"}]}

    def test_number_of_values_is_limited(self) -> None:
        assert len(kept(photos=[str(n) for n in range(300)])["photos"]) == 200

    def test_number_of_custom_fields_is_limited(self) -> None:
        assert len(kept(**{RAMP: {f"f{n}": "x" for n in range(300)}})[RAMP]) == 100


@pytest.mark.parametrize(
    ("sent", "stands_for"),
    [
        ({"title": 5}, {"title": "5"}),
        ({"title": 5.0}, {"title": "5"}),
        ({"title": True}, {"title": "true"}),
        ({"title": ["Clerk"]}, {"title": "Clerk"}),
        ({"externalId": 4711}, {"externalId": "4711"}),
        ({"phoneNumbers": [4722]}, {"phoneNumbers": [{"value": "4722"}]}),
        (
            {"phoneNumbers": [{"value": 4722, "primary": 1}]},
            {"phoneNumbers": [{"value": "4722", "primary": True}]},
        ),
        (
            {"addresses": {"postalCode": 150, "locality": "Oslo"}},
            {"addresses": [{"postalCode": "150", "locality": "Oslo"}]},
        ),
        ({"name": [{"givenName": "Ada"}]}, {"name": {"givenName": "Ada"}}),
        ({"emails": " ada@larch.test "}, {"emails": [{"value": "ada@larch.test"}]}),
        ({ENT: {"employeeNumber": 4711}}, {ENT: {"employeeNumber": "4711"}}),
        ({ENT: [{"employeeNumber": "1"}]}, {ENT: {"employeeNumber": "1"}}),
        ({ENT: {"manager": 4711}}, {ENT: {"manager": {"value": "4711"}}}),
        ({ENT: {"manager": {"value": 4711}}}, {ENT: {"manager": {"value": "4711"}}}),
        ({ENT: {"manager": {"value": " bea\u00a0"}}}, {ENT: {"manager": {"value": "bea"}}}),
        ({ENT: {"manager": {"managerId": "bea"}}}, {ENT: {"manager": {"value": "bea"}}}),
        (
            {"x509Certificates": ["-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----"]},
            {"x509Certificates": [{"value": "YQ=="}]},
        ),
        ({"active": "no"}, {"active": False}),
        ({"active": [{"value": "Disabled"}]}, {"active": False}),
    ],
    ids=str,
)
def test_unusual_value_is_read_as_intended(sent: Json, stands_for: Json) -> None:
    assert kept(**sent) == stands_for


@pytest.mark.parametrize(
    ("sent", "stands_for"),
    [
        ({f"{ENT}:department": "Legal"}, {ENT: {"department": "Legal"}}),
        ({f"{ENT}.department": "Legal"}, {ENT: {"department": "Legal"}}),
        ({f"{ENT}:manager": "bea"}, {ENT: {"manager": {"value": "bea"}}}),
        ({f"{ENT}:manager.value": "bea"}, {ENT: {"manager": {"value": "bea"}}}),
        ({f"{OLD_ENT}:department": "Legal"}, {ENT: {"department": "Legal"}}),
        ({OLD_ENT: {"department": "Legal"}}, {ENT: {"department": "Legal"}}),
        ({"name.givenName": "Ada"}, {"name": {"givenName": "Ada"}}),
        ({f"{CORE}:title": "Clerk"}, {"title": "Clerk"}),
        (
            {CORE: {"title": "Clerk", "name.givenName": "A"}},
            {"title": "Clerk", "name": {"givenName": "A"}},
        ),
        (
            {'emails[type eq "work"].value': "a@b", 'emails[type eq "work"].primary': True},
            {"emails": [{"type": "work", "value": "a@b", "primary": True}]},
        ),
        ({"emails.value": "a@b"}, {"emails": [{"value": "a@b"}]}),
    ],
    ids=str,
)
def test_flat_name_is_read_as_a_path_in_post_and_put(sent: Json, stands_for: Json) -> None:
    assert kept(**sent) == stands_for
    put = replacement({"userName": "ada"} | sent, {"userName": "ada"}, USER)
    assert {name: value for name, value in put.items() if name in stands_for} == stands_for


def test_required_attribute_may_be_below_the_core_schema() -> None:
    assert normalize({CORE: {"userName": "ada"}}, USER)["userName"] == "ada"
    assert normalize({f"{CORE}:userName": "ada"}, USER)["userName"] == "ada"
    assert normalize({f"{GROUP.core.urn}:displayName": "Staff"}, GROUP)["displayName"] == "Staff"


def test_nested_value_takes_precedence_over_a_flat_name() -> None:
    sent = {f"{ENT}:department": "Legal", ENT: {"Department": "Sales"}}

    assert kept(**sent) == {ENT: {"department": "Sales"}}


def test_body_is_not_modified() -> None:
    sent = {"userName": "ada", ENT: {"division": "x"}, f"{ENT}:department": "Legal"}

    normalize(sent, USER)

    assert sent == {"userName": "ada", ENT: {"division": "x"}, f"{ENT}:department": "Legal"}


class TestUnknownExtension:
    def test_extension_is_kept_and_listed_in_schemas(self) -> None:
        document = normalize({"userName": "ada", FOREIGN: {"badge": 7, "x": {"y": 1}}}, USER)

        assert document[FOREIGN] == {"badge": "7"}
        assert document["schemas"] == [CORE, FOREIGN]

    def test_extension_is_patched_in_any_case(self) -> None:
        before = normalize({"userName": "ada", FOREIGN: {"badge": 7}}, USER)
        body = {
            "Operations": [
                {"op": "replace", "path": f"{FOREIGN.lower()}:BADGE", "value": "8"},
                {"op": "add", "value": {FOREIGN: {"desk": "12"}}},
            ]
        }

        after = patch.apply(before, read_operations(body, USER), USER)

        assert after[FOREIGN] == {"badge": "8", "desk": "12"}
        gone = {"Operations": [{"op": "remove", "path": f"{FOREIGN}:badge"}]}
        assert patch.apply(after, read_operations(gone, USER), USER)[FOREIGN] == {"desk": "12"}

    @pytest.mark.parametrize(
        "gone",
        [
            {"op": "remove", "path": FOREIGN},
            {"op": "Remove", "path": FOREIGN.upper()},
            {"op": "replace", "path": FOREIGN, "value": None},
            {"op": "replace", "path": FOREIGN, "value": ""},
            {"op": "replace", "value": {FOREIGN: None}},
        ],
        ids=str,
    )
    def test_extension_is_removed_by_its_urn(self, gone: Json) -> None:
        before = normalize({"userName": "ada", FOREIGN: {"badge": 7, "desk": 1}}, USER)

        after = patch.apply(before, read_operations({"Operations": [gone]}, USER), USER)

        assert after == {"userName": "ada", "schemas": [CORE]}

    @pytest.mark.parametrize("path", [FOREIGN, f"{FOREIGN}:badge", "urn:larch:other"])
    def test_removing_a_missing_extension_changes_nothing(self, path: str) -> None:
        before = normalize({"userName": "ada", "urn:larch:else": {"badge": "7"}}, USER)
        body = {"Operations": [{"op": "remove", "path": path}]}

        assert patch.apply(before, read_operations(body, USER), USER) == before

    def test_adding_null_changes_nothing(self) -> None:
        before = normalize({"userName": "ada", FOREIGN: {"badge": 7}}, USER)
        body = {"Operations": [{"op": "add", "path": FOREIGN, "value": None}]}

        assert patch.apply(before, read_operations(body, USER), USER) == before

    def test_attribute_of_the_extension_can_be_mapped(self) -> None:
        document = normalize({"userName": "ada", FOREIGN: {"unit": " Legal "}}, USER)

        assert profile_of(document, {"department": f"{FOREIGN}:unit"}).profile.department == "Legal"

    def test_number_of_extensions_is_limited(self) -> None:
        document = normalize(
            {"userName": "ada"} | {f"urn:larch:{n}": {"a": "b"} for n in range(30)}, USER
        )

        assert len([name for name in document if name.startswith("urn:larch:")]) == 10


@pytest.mark.parametrize(
    ("emails", "used"),
    [
        (
            [{"value": "a@b", "type": "work", "primary": True}, {"value": "n/a", "type": "home"}],
            "a@b",
        ),
        ([{"value": "n/a", "type": "home"}, {"value": "a@b", "type": "work"}], "a@b"),
        (
            [
                {"value": "h@b", "type": "home", "primary": True},
                {"value": "w@b", "type": "work", "primary": True},
            ],
            "w@b",
        ),
        ([{"value": "a@b", "primary": True}, {"value": "c@d", "primary": "true"}], "a@b"),
    ],
)
def test_one_of_several_emails_is_used(emails: list[Json], used: str) -> None:
    document = normalize({"userName": "ada", "emails": emails}, USER)

    assert profile_of(document, {}).profile.email == used
    assert sum(one.get("primary", False) for one in document["emails"]) <= 1
    assert [one["value"] for one in document["emails"]] == [one["value"] for one in emails]


@pytest.mark.parametrize(
    ("user_name", "email"),
    [
        (" pia@larch.test\u200b", "pia@larch.test"),
        ("pia_larch.test#EXT#@acme.onmicrosoft.com", ""),
    ],
)
def test_user_name_is_used_as_email_if_valid(user_name: str, email: str) -> None:
    document = normalize({"userName": user_name}, USER)

    assert profile_of(document, {}).profile.email == email
    assert document["userName"] == user_name.strip("\u200b").strip()


@pytest.mark.parametrize(
    ("addresses", "location"),
    [
        ([("work", "Oslo", False), ("work", "Bergen", True)], "Bergen"),
        ([("home", "Oslo", True), ("work", "Bergen", False)], "Bergen"),
        ([("home", "Oslo", True), ("other", "Bergen", False)], "Oslo"),
    ],
)
def test_primary_work_address_is_used_as_location(
    addresses: list[tuple[str, str, bool]], location: str
) -> None:
    sent = [{"type": kind, "locality": city, "primary": first} for kind, city, first in addresses]

    document = normalize({"userName": "ada", "addresses": sent}, USER)

    assert profile_of(document, {}).profile.location == location


@pytest.mark.parametrize("department", ["People  Ops", "People\u00a0Ops", " People\tOps\n"])
def test_invisible_spaces_in_a_department_are_normalized(department: str) -> None:
    document = normalize({"userName": "ada", ENT: {"department": department}}, USER)

    assert profile_of(document, {}).profile.department == "People Ops"


def test_manager_id_of_scim_1_1_is_read() -> None:
    """OneLogin and HelloID publish templates with the names of SCIM 1.1."""
    document = normalize({"userName": "ada", OLD_ENT: {"manager": {"managerId": "bo"}}}, USER)

    assert manager_reference(document) == "bo"
