"""The command `compare_people`."""

import codecs
from typing import Any

import pytest
from django.core.management import CommandError
from hypothesis import given
from hypothesis import strategies as st

from people.models import Comparison, ComparisonRow, CustomField, Event, Person, Tenant
from people.operations.comparison.columns import guess_columns
from people.operations.comparison.file_format import (
    decode,
    guess_encoding,
    guess_separator,
    read_table,
)
from tests.clients.pages import signed_in
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.people.comparison.lists import HEADER, as_csv, compare, row_of

pytestmark = pytest.mark.django_db

ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a byte order mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big-endian without one": lambda text: text.encode("utf-16-be"),
    "Windows-1252": lambda text: text.encode("cp1252"),
}


@pytest.fixture
def zoe(owner: Person) -> Person:
    return core.person(
        email="zoe@example.com",
        given_name="Zoë",
        family_name="Strauß",
        department=core.department("Käse"),
        location=core.location("Zürich"),
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_reads_every_encoding_and_separator(
    tenant: Tenant, owner: Person, zoe: Person, encoding: str, separator: str
) -> None:
    rows = [HEADER, row_of(owner), row_of(zoe)]
    content = ENCODINGS[encoding](as_csv(rows, separator=separator))

    assert compare(tenant, content) == (
        0,
        {"new": [], "different": [], "gone": [], "unreadable": [], "unchanged": 2},
    )


CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)


@given(
    st.lists(st.lists(CELLS.map(lambda text: " ".join(text.split())), min_size=3, max_size=3)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_reads_any_text_in_cells(rows: list[list[str]], separator: str, encoding: str) -> None:
    written = [["Email", "First name", "Surname"], *rows, ["end", "of", "file"]]
    content = as_csv(written, separator=separator).encode(encoding)

    text = decode(content, guess_encoding(content))
    read = read_table(text, separator)

    assert [one.cells for one in read.records] == [row for row in written[1:] if any(row)]


def test_reports_new_different_and_missing_people(
    tenant: Tenant, owner: Person, zoe: Person
) -> None:
    core.person(given_name="Gone", family_name="Girl", email="gone@example.com")
    new = ["new@example.com", "New", "Person", "Käse", "", "zoe@example.com"]
    rows = [HEADER, row_of(owner), row_of(zoe, department="Brot"), new]

    code, found = compare(tenant, as_csv(rows))

    assert code == 1
    assert found == {
        "new": [{"row": 4, "name": "New Person", "email": "new@example.com", "note": ""}],
        "different": [
            {
                "row": 3,
                "name": "Zoë Strauß",
                "email": "zoe@example.com",
                "differences": [
                    {
                        "field": "department",
                        "here": "Käse",
                        "file": "Brot",
                        "not_applied_because": "",
                    }
                ],
            }
        ],
        "gone": [{"row": None, "name": "Gone Girl", "email": "gone@example.com", "note": ""}],
        "unreadable": [],
        "unchanged": 1,
    }


def test_command_changes_nothing(tenant: Tenant, owner: Person, zoe: Person) -> None:
    compare(tenant, as_csv([HEADER, row_of(zoe, family_name="Other")]))

    assert not Comparison.objects.exists()
    assert not ComparisonRow.objects.exists()
    assert not Event.objects.exists()


def test_export_of_people_has_no_differences(tenant: Tenant, owner: Person, zoe: Person) -> None:
    core.person(given_name="=cmd()", family_name="-Minus", manager=zoe, role=Person.Role.BOOKKEEPER)
    core.person(state=Person.State.INACTIVE, deactivated_by="command:tests")
    exported: Any = signed_in(owner).get("/people/export/?state=everybody")

    code, found = compare(tenant, b"".join(exported))

    assert (code, found["unchanged"]) == (0, 4)


def test_compares_only_with_people_of_the_tenant(
    tenant: Tenant, owner: Person, zoe: Person
) -> None:
    with core.in_another_tenant() as another:
        them = core.person(email="them@example.com", given_name="Them", family_name="There")

    _, here = compare(tenant, as_csv([HEADER, row_of(owner), row_of(zoe), row_of(them)]))
    _, there = compare(another, as_csv([HEADER, row_of(them)]))

    assert [one["email"] for one in here["new"]] == ["them@example.com"]
    assert not there["gone"]
    assert there["unchanged"] == 1


UNREADABLE: dict[str, tuple[list[str], str]] = {
    "bad-row": (["a@example.com", "A", "B", "", "", "", "one more"], "more cells than the header"),
    "no-identifier": (["", "A", "B", "", "", ""], "is blank"),
    "invalid-email": (["a at example.com", "A", "B", "", "", ""], "is not an email address"),
    "invalid-name": (["a@example.com", "--", "B", "", "", ""], "cannot be a first name"),
    "incomplete": (["a@example.com", "A", "", "", "", ""], "needs a value for “last name”"),
    "too-long": (["a@example.com", "A", "B", "x" * 201, "", ""], "longer than 200"),
    "unknown-manager": (["a@example.com", "A", "B", "", "", "no@example.com"], "Nobody in Ramp"),
    "self-manager": (["a@example.com", "A", "B", "", "", "A@example.com"], "their own manager"),
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_reports_row_number_and_reason_of_unreadable_rows(
    tenant: Tenant, owner: Person, reason: str
) -> None:
    row, explanation = UNREADABLE[reason]

    code, found = compare(tenant, as_csv([HEADER, row_of(owner), [], row]))

    assert code == 1
    [unreadable] = found["unreadable"]
    assert (unreadable["row"], unreadable["reason"]) == (4, reason)
    assert explanation in unreadable["explanation"]
    assert not found["new"]


def reasons(found: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["reason"] for one in found["unreadable"]}


def test_refuses_duplicate_rows_for_a_person(tenant: Tenant, owner: Person, zoe: Person) -> None:
    twice = [row_of(zoe), row_of(zoe, email="ZOE@example.com", department="Brot")]

    _, found = compare(tenant, as_csv([HEADER, row_of(owner), *twice]))

    assert reasons(found) == {3: "duplicate-row", 4: "duplicate-row"}
    assert found["unreadable"][0]["explanation"] == "The same person is also in row 4."
    # The person is in the list, even though these rows cannot be used.
    assert not found["gone"]


def test_refuses_a_manager_whose_name_is_not_unique(tenant: Tenant, owner: Person) -> None:
    header = ("Email", "Full name", "Manager")
    namesakes = [core.person(given_name="Jo", family_name="Doe") for _ in range(2)]
    rows = [[one.email, one.full_name, ""] for one in (owner, *namesakes)]

    _, found = compare(tenant, as_csv([header, *rows, ["a@example.com", "Al Li", "Doe, Jo"]]))

    assert reasons(found) == {5: "ambiguous-manager"}


def test_refuses_circular_new_managers_and_their_reports(tenant: Tenant, owner: Person) -> None:
    people = [
        [f"{name}@example.com", name, "X", "", "", f"{manager}@example.com"]
        for name, manager in [("a", "b"), ("b", "a"), ("c", "a"), ("d", "e"), ("e", "nobody")]
    ]

    _, found = compare(tenant, as_csv([HEADER, row_of(owner), *people]))

    assert reasons(found) == {
        3: "circular-manager",
        4: "circular-manager",
        5: "circular-manager",
        6: "unknown-manager",
        7: "unknown-manager",
    }


def test_refuses_rows_with_mismatched_quotation_marks(tenant: Tenant, owner: Person) -> None:
    text = as_csv([HEADER, row_of(owner)])

    _, found = compare(tenant, text + 'a@example.com,"A"x,B,,,\r\nb@example.com,"B')

    assert reasons(found) == {3: "bad-row", 4: "bad-row"}


def test_refuses_unknown_roles_and_statuses(tenant: Tenant, owner: Person) -> None:
    header = ("Email", "First name", "Surname", "Role", "Status")
    rows = [
        [owner.email, "Ada", "Lovelace", "Owner", "Active"],
        ["a@example.com", "A", "B", "Emperor", "active"],
        ["b@example.com", "A", "B", "Bookkeeper", "on a journey"],
        ["c@example.com", "A", "B", "Bookkeeper", "employed"],
        ["d@example.com", "A", "B", "Bookkeeper", "terminated"],
    ]

    _, found = compare(tenant, as_csv([header, *rows]))

    assert reasons(found) == {3: "unknown-role", 4: "unknown-status"}
    assert [one["email"] for one in found["new"]] == ["c@example.com"]


def test_person_who_is_terminated_in_the_list_counts_as_gone(
    tenant: Tenant, owner: Person, zoe: Person
) -> None:
    header = ("Email", "Status")
    rows = [[owner.email, "Active"], [zoe.email, "Terminated"]]

    _, found = compare(tenant, as_csv([header, *rows]))

    assert [(one["row"], one["email"]) for one in found["gone"]] == [(3, zoe.email)]


def test_identifies_people_by_external_id(tenant: Tenant, owner: Person) -> None:
    scim = Provider(scim_connection("okta"))
    for name in ("zoe", "eve", "max"):
        answer = scim("POST", "/Users", someone(name, externalId=f"E-{name}"))
        assert answer.status == 201, answer.content
    CustomField.objects.create(tenant=tenant, name="Team", external_name="team")
    header = ("Employee ID", "Work email", "First name", "Last name", "Department", "Team")
    zoe, eve = (
        Person.objects.get(scim_users__scim_external_id=f"E-{one}") for one in ("zoe", "eve")
    )
    rows = [
        ["E-zoe", zoe.email, zoe.given_name, zoe.family_name, "Elsewhere", "Blue"],
        ["E-eve", "eve.new@example.com", eve.given_name, eve.family_name, "", ""],
        ["e-max", "max2@example.com", "Max", "Other", "", ""],
        ["E-new", eve.email, "New", "One", "", ""],
    ]

    _, found = compare(tenant, as_csv([header, *rows]), "--key", "external_id")

    owned = "Okta manages this field. Change it there."
    fields = {
        (one["row"], each["field"]): each["not_applied_because"]
        for one in found["different"]
        for each in one["differences"]
    }
    assert fields == {(2, "department"): owned, (2, "custom.team"): "", (3, "email"): owned}
    # An external ID is compared with its case (RFC 7643 section 3.1).
    assert [one["row"] for one in found["new"]] == [4]
    assert {one["email"] for one in found["gone"]} >= {owner.email}
    assert reasons(found) == {5: "address-taken"}


def test_refuses_an_id_that_is_too_long_after_case_folding(tenant: Tenant, owner: Person) -> None:
    header = ("Username", "Email", "First name", "Last name")
    rows = [["ß" * length, f"{length}@example.com", "A", "B"] for length in (255, 256)]

    _, found = compare(tenant, as_csv([header, *rows]), "--key", "user_name")

    assert reasons(found) == {3: "too-long"}
    assert [one["row"] for one in found["new"]] == [2]


def test_refuses_an_external_id_of_several_people(tenant: Tenant, owner: Person) -> None:
    scim = Provider(scim_connection("okta"))
    for name in ("zoe", "eve"):
        scim("POST", "/Users", someone(name, externalId="same"))
    header = ("Employee ID", "Full name")

    _, found = compare(tenant, as_csv([header, ["same", "Zoe E"]]), "--key", "external_id")

    assert reasons(found) == {2: "ambiguous"}


REFUSED = {
    "empty": (b" \r\n", "The file is empty"),
    "an Excel workbook": (b"PK\x03\x04rest", "Save it as CSV"),
    "NUL bytes": (b"Email,Name\r\na@example.com,A\0B\r\n", "NUL characters"),
    "without rows": (b"Email,Name\r\n\r\n", "no rows"),
    "too many columns": (b",".join([b"x"] * 101) + b"\r\na", "more than 100 columns"),
    "too many rows": (b"Email\r\n" + b"a@example.com\r\n" * 50_001, "more than 50,000 rows"),
    "too large": (b"Email\r\n" + b"x" * (10 * 1024 * 1024), "larger than 10 MB"),
    "bytes of no encoding": (b"Email\r\nz\x81\x8d@example.com", "choose another encoding"),
    "without a known column": (b"Color\r\nblue", "Choose the column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_an_invalid_file(tenant: Tenant, owner: Person, case: str) -> None:
    content, message = REFUSED[case]

    with pytest.raises(CommandError, match=message) as refused:
        compare(tenant, content)

    assert refused.value.returncode == 2


def test_reads_columns_given_as_options(tenant: Tenant, owner: Person) -> None:
    header = ("Wer", "Vorname", "Nachname", "Department")
    rows = [[owner.email, owner.given_name, "Changed", "Ignored"]]
    named = ["Wer=email", "Vorname=given_name", "Nachname=family_name", "Department="]
    arguments = [text for one in named for text in ("--column", one)]

    _, found = compare(tenant, as_csv([header, *rows], separator=";"), *arguments)

    [different] = found["different"]
    assert [one["field"] for one in different["differences"]] == ["family_name"]


HEADERS = {
    "email": ["Work email", "E-Mail", "email_address", "Mail", "UPN"],
    "given_name": ["First name", "Given Name", "FIRSTNAME", "Forename"],
    "family_name": ["Surname", "Last name", "family_name"],
    "full_name": ["Full name", "Name", "Display Name"],
    "manager": ["Manager email", "Manager", "Reports to", "Supervisor"],
    "department": ["Department", "Dept.", "Team"],
    "location": ["Office", "Location", "Work location", "City"],
    "external_id": ["Employee ID", "External-ID", "Personnel number"],
    "custom.title": ["Job title", "title"],
    "state": ["Status", "Employment status", "Active"],
}


@pytest.mark.parametrize(
    ("field", "header"), [(field, header) for field in HEADERS for header in HEADERS[field]]
)
def test_recognizes_a_column_by_its_header(tenant: Tenant, field: str, header: str) -> None:
    CustomField.objects.create(tenant=tenant, name="Job title", external_name="title")

    assert guess_columns(["Color", header]) == {"1": field}


def test_prefers_the_most_specific_header(tenant: Tenant) -> None:
    header = ["Email", "Manager", "Work email", "Manager's email address"]

    assert guess_columns(header) == {"2": "email", "3": "manager"}


def test_separator_of_a_single_column_defaults_to_comma() -> None:
    assert guess_separator("Email\r\na@example.com\r\n") == ","
