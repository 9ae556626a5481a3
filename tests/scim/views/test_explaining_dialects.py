"""The page of a request explains how each dialect was read, and which provider sends it."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import Client

from people.models import Person
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, NOBODY, PATCH, RAMP, USER, Answer, Json, Provider, someone
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).parents[3] / "docs" / "scim-dialects.md"
OLD_ENT = "urn:scim:schemas:extension:enterprise:1.0"
LARCH = "urn:ietf:params:scim:schemas:extension:larch:2.0:User"
# Successful reads have no page.
UNLOGGED = "Filters and addresses"

Send = Callable[[Provider], Answer]


class Case(NamedTuple):
    send: Send
    told: str
    provider: str = ""


def post(**values: Any) -> Send:
    return lambda scim: scim("POST", "/Users", someone("ada", **values))


def patch(*operations: Json) -> Send:
    return lambda scim: scim.patch(scim.add("ada"), *operations)


def grouped(*operations: Json) -> Send:
    body = {"schemas": [PATCH], "Operations": operations}
    return lambda scim: scim("PATCH", f"/Groups/{scim.add_group('Sales')}", body)


def replace(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def put_without_members(scim: Provider) -> Answer:
    return scim("PUT", f"/Groups/{scim.add_group('Sales')}", {"displayName": "Sales"})


def push(*members: Json) -> Send:
    return lambda scim: scim("POST", "/Groups", {"displayName": "Sales", "members": members})


def nested(scim: Provider) -> Answer:
    return push({"value": scim.add_group("EMEA")})(scim)


def same_name(scim: Provider) -> Answer:
    scim.add_group("Sales")
    return push()(scim)


WORK = {"type": "work", "locality": "Oslo"}
ADA = {"value": "ada@example.com"}
# The cases of each row of docs/scim-dialects.md, by its first column.
CASES: dict[str, list[Case]] = {
    "a number or a boolean where text is wanted: `employeeNumber`, `postalCode`, a phone number, a "
    "manager": [
        Case(
            post(**{ENT: {"department": "Legal", "employeeNumber": 4711}}),
            "4711 in employeeNumber as text",
            "Entra, authentik",
        ),
        Case(
            patch(replace("phoneNumbers", [{"value": 4722}])),
            "4722 in phoneNumbers.value as text",
            "Entra, authentik",
        ),
    ],
    "text, or 1 and 0, where a boolean is wanted": [
        Case(post(emails=[ADA | {"primary": "True"}]), "“True” in primary as true", "Entra")
    ],
    "`active` as text, 1 or 0, a list of one, an object with `value`, or a word such as “inactive” "
    "or “disabled”": [
        Case(post(active="False"), "&quot;False&quot; in active as false", "Entra"),
        Case(patch(replace("active", 0)), "0 in active as false", "Entra"),
        Case(patch(replace("active", [False])), "a list of one in active", "SCIM-SDK"),
    ],
    "a list of one where one value is wanted": [
        Case(patch(replace("title", ["Clerk"])), "a list of one in title as its value", "SCIM-SDK"),
        Case(post(title=["Clerk"]), "a list of one in title as its value", "SCIM-SDK"),
    ],
    "a single value where a list is wanted": [
        Case(post(emails=ADA), "a single value of emails as a list", "Entra, OneLogin"),
        Case(post(roles=["BUSINESS_USER"]), "a bare value in roles as its “value”", "Entra"),
    ],
    "blanks round a `userName`, an email address or a manager": [
        Case(post(userName=" ada@example.com "), "userName without the blanks", "HR exports")
    ],
    "double, no-break or tabulated blanks in a name, department or location": [
        Case(
            post(**{ENT: {"department": "People  Ops"}}),
            "the department with single blanks",
            "HR exports",
        )
    ],
    '`""`': [Case(post(title=""), "an empty text in title as no value", "Entra, Okta, OneLogin")],
    "`{}` in a PATCH": [Case(patch(replace("name", {})), "an empty object in name as no change")],
    "a value of an attribute that Ramp does not use which is too long or of another type": [
        Case(post(title="x" * 201), "Ignored: title, may be 200 characters long at most")
    ],
    "a certificate in PEM": [
        Case(
            post(x509Certificates=["-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----"]),
            "a certificate in PEM as base64",
            "directory exports",
        )
    ],
    "a second email that is no address": [
        Case(
            post(emails=[ADA | {"primary": True}, {"value": "n/a"}]),
            "a further value of emails that is no email address",
            "wso2, Entra",
        )
    ],
    "two primary emails": [
        Case(
            post(emails=[ADA | {"primary": True}, {"value": "a@b.de", "primary": True}]),
            "of several primary emails, the one for work or the first",
        )
    ],
    "several work addresses": [
        Case(
            post(addresses=[WORK, WORK | {"locality": "Pune"}], **{RAMP: None}),
            "the primary one of several work addresses",
            "Oracle, SailPoint",
        )
    ],
    "several roles, none of them primary": [
        Case(
            post(roles=[{"value": "BUSINESS_USER"}, {"value": "BUSINESS_BOOKKEEPER"}]),
            "the highest of several roles that may be assigned",
            "Entra",
        )
    ],
    "a role as a JSON document in a string": [
        Case(
            post(roles=[{"value": '{"value": "BUSINESS_USER"}'}]),
            "a role written as a JSON document",
            "Entra",
        )
    ],
    "a `userName` with `#EXT#`": [
        Case(
            post(userName="pia_x.de#EXT#@acme.onmicrosoft.com", emails=None),
            "a userName with #EXT# as no email address",
            "Entra",
        )
    ],
    "names in another case": [
        Case(post(Title="Clerk"), "“Title” as “title”", "Microsoft"),
        Case(post(name={"GivenName": "Ada", "familyName": "K"}), "“GivenName” as", "Microsoft"),
        Case(patch(replace("Title", "x")), "“Title” as “title”", "Microsoft"),
    ],
    "a department, a manager or a location at the top of the document": [
        Case(post(department="Legal"), "“department” at the top as in its ext", "Entra"),
        Case(post(manager="bo"), "“manager” at the top as in its extension", "Entra"),
        Case(patch(replace("department", "Sales")), "“department” at the top", "Entra"),
    ],
    '`name.givenName`, `urn:…:User:department` or `emails[type eq "work"].value` as a name': [
        Case(post(**{"name.middleName": "B"}), "“name.middleName” as a path", "generic"),
        Case(
            patch({"op": "replace", "value": {f"{ENT}:department": "Sales"}}),
            f"“{ENT}:department” as a path",
            "Entra",
        ),
    ],
    "an object below the URN of the core schema": [
        Case(post(**{USER: {"title": "x"}}), "attributes below the URN of the core", "generic"),
        Case(
            patch({"op": "add", "value": {USER: {"title": "x"}}}),
            "attributes below the URN of the core",
            "generic",
        ),
    ],
    "`urn:…:enterprise:2.0:User.manager` with a dot": [
        Case(patch(replace(f"{ENT}.department", "x")), "a dot after a URN", "Microsoft"),
        Case(post(**{f"{ENT}.division": "x"}), "a dot after a URN", "Microsoft"),
    ],
    "`urn:scim:schemas:extension:enterprise:1.0`, `urn:scim:schemas:core:1.0`": [
        Case(post(**{OLD_ENT: {"division": "x"}}), f"“{OLD_ENT}” as “{ENT}”", "OneLogin, HelloID"),
        Case(
            post(schemas=["urn:scim:schemas:core:1.0"]),
            "“urn:scim:schemas:core:1.0” as a schema of SCIM 2.0",
            "OneLogin, HelloID",
        ),
    ],
    "`manager.managerId`": [
        Case(
            post(**{ENT: {"department": "Legal", "manager": {"managerId": "bo"}}}),
            "manager.managerId as manager.value",
            "OneLogin, HelloID",
        )
    ],
    'a manager as text, as `{"$ref": …}`, or in a list': [
        Case(post(**{ENT: {"department": "x", "manager": "bo"}}), "a manager as text", "Entra"),
        Case(
            post(**{ENT: {"department": "x", "manager": {"$ref": "../Users/bo"}}}),
            "the $ref of a manager as the manager",
            "Entra",
        ),
        Case(patch(replace(f"{ENT}:manager", [{"value": "bo"}])), "a list of one in manager"),
    ],
    "an attribute that nobody knows": [
        Case(post(shoeSize=43), "Ignored: shoeSize, unknown"),
        Case(patch(replace("shoeSize", 43)), "Ignored: shoeSize, unknown"),
    ],
    "an extension that nobody knows": [
        Case(post(**{LARCH: {"unit": "x"}}), f"{LARCH} as an unknown extension"),
        Case(patch(replace(f"{LARCH}:unit", "x")), f"{LARCH}:unit as an unknown extension"),
    ],
    "`manager.displayName` in a PATCH": [
        Case(
            patch(replace(f"{ENT}:manager.displayName", "Bo")),
            f"Ignored: {ENT}:manager.displayName, read-only",
        )
    ],
    "`id`, `meta`, `groups`, `password` in a body": [
        Case(post(**{name: value}), f"{name} as nothing to change", "Okta")
        for name, value in (("id", NOBODY), ("meta", {}), ("groups", []), ("password", "x"))
    ],
    "`Add`, `Replace`, `Remove`": [
        Case(
            patch({"op": "Replace", "path": "title", "value": "x"}),
            "“Replace” as “replace”",
            "Entra",
        )
    ],
    "no path, and an object as value": [
        Case(
            patch({"op": "replace", "value": {"active": False}}),
            "an operation without a path as one for each attribute",
            "Okta, authentik",
        )
    ],
    "`replace` in an element that is not there, chosen by `type` or `primary`": [
        Case(
            patch(replace('phoneNumbers[type eq "work"].value', "1")),
            "“phoneNumbers[type eq &quot;work&quot;].value” as a new value if there is none",
            "Entra",
        )
    ],
    "the same, chosen by `value`": [
        Case(patch(replace('emails[value eq "x"].type', "work")), "Refused: No value matches")
    ],
    "`remove` of members with a list as value": [
        Case(
            grouped({"op": "remove", "path": "members", "value": [{"value": NOBODY}]}),
            "`remove` with members as its value as the removal of these alone",
            "Entra, JumpCloud, authentik, Rippling",
        )
    ],
    '`add` with the path `members[value eq "…"]` and no value': [
        Case(
            grouped({"op": "add", "path": f'members[value eq "{NOBODY}"]'}),
            "`add` of a selected member without a value",
            "OneLogin",
        )
    ],
    "`remove` with the URN of an unknown extension as the path, or `replace` with no value": [
        Case(patch({"op": "remove", "path": LARCH}), f"{LARCH} as an unknown extension"),
    ],
    "`replace` of `members` without a value, or with `null`": [
        Case(grouped({"op": "replace", "path": "members"}), "Refused: To replace “members”"),
        Case(grouped(replace("members", None)), "Refused: To replace “members”"),
    ],
    "a member who is not here, or was deleted": [
        Case(push({"value": "grace"}), "“grace” as a member who joins on arrival", "Okta, Entra")
    ],
    "the `id` of a group as a member": [Case(nested, "as a group that is a member", "Entra")],
    "two groups with one name": [Case(same_name, "“Sales” as one of several groups", "Entra")],
    "a PUT without `members`": [
        Case(put_without_members, "a PUT without members as one that leaves them", "Rippling")
    ],
}


def documented() -> list[str]:
    """Return the first column of the tables, without the requests that are not logged."""
    rows, heading = [], ""
    for line in DOCS.read_text().splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("| ") and heading != UNLOGGED:
            rows.append(line.split(" | ")[0].removeprefix("| "))
    return [row for row in rows if row != "what is sent"]


def test_every_documented_dialect_has_a_case() -> None:
    assert sorted(documented()) == sorted(CASES)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{row[:40]} {number}")
        for row, cases in CASES.items()
        for number, case in enumerate(cases)
    ],
)
def test_request_page_explains_the_dialect_and_names_the_provider(
    connect: Connect, owner: Person, case: Case
) -> None:
    scim = connect("generic")

    answer = case.send(scim)

    page = request_page(signed_in(owner), scim, answer.request_id)
    assert case.told in page
    note = page[page.index(case.told) :]
    note = note[: note.index("</li>")] if case.provider else ""
    if case.provider:
        assert f'<span class="text-subtle">Known from {case.provider}' in note


def rules() -> list[str]:
    """Return the longest constant part of each explanation in the code."""
    found = []
    for file in sorted((DOCS.parents[1] / "scim").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("understood"):
                text = node.args[0]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                constants = (one.value for one in parts if isinstance(one, ast.Constant))
                found.append(max(map(str, constants), key=len))
    return found


def test_every_explanation_in_the_code_has_a_case() -> None:
    values = [case.told for cases in CASES.values() for case in cases]

    # Some cases contain only the beginning.
    unlisted = [rule for rule in rules() if not any(rule[:15] in one for one in values)]
    assert unlisted == []
    assert len(rules()) > 30


def test_accepted_media_type_is_explained(scim: Provider, owner: Person) -> None:
    answer = scim("POST", "/Users", someone("ada"), Accept="application/json")

    page = request_page(signed_in(owner), scim, answer.request_id)
    assert "“Accept: application/json”, answered with that media type" in page


def test_all_operations_of_a_patch_are_explained(scim: Provider, owner: Person) -> None:
    ada = scim.add("ada")

    answer = scim.patch(
        ada,
        replace('emails[value eq "ada@example.com"].display', "Ada"),
        replace("shoeSize", 43),
        replace("active", "True"),
    )

    assert answer.status == 200
    page = request_page(signed_in(owner), scim, answer.request_id)
    assert "Ignored: shoeSize, unknown." in page
    assert "&quot;True&quot; in active as true." in page


def test_patch_is_explained_together_with_the_stored_roles(scim: Provider, owner: Person) -> None:
    """Entra adds one role at a time; the result is several roles."""
    ada = scim.add("ada", roles=[{"value": "BUSINESS_USER"}])

    answer = scim.patch(
        ada, {"op": "add", "path": "roles", "value": [{"value": "BUSINESS_BOOKKEEPER"}]}
    )

    page = request_page(signed_in(owner), scim, answer.request_id)
    assert "the highest of several roles that may be assigned" in page


def test_stored_values_that_a_patch_leaves_alone_are_not_explained(
    scim: Provider, owner: Person
) -> None:
    ada = scim.add("ada", addresses=[WORK, WORK | {"locality": "Pune"}], **{RAMP: None})

    answer = scim.patch(ada, replace("title", "Clerk"))

    assert "How the body was read" not in request_page(signed_in(owner), scim, answer.request_id)


def test_new_user_name_beside_a_stored_email_is_not_explained(
    scim: Provider, owner: Person
) -> None:
    ada = scim.add("ada")

    answer = scim.patch(ada, replace("userName", "pia_x.de#EXT#@acme.onmicrosoft.com"))

    assert answer.status == 200
    assert "as no email address" not in request_page(signed_in(owner), scim, answer.request_id)


def test_stored_value_that_a_patch_selects_is_not_explained(scim: Provider, owner: Person) -> None:
    ada = scim.add("ada", photos=[{"value": "https://a.example/1.png", "type": "photo"}])

    answer = scim.patch(
        ada, replace('photos[value eq "https://a.example/1.png"].type', "thumbnail")
    )

    assert answer.status == 200
    assert "Ignored" not in request_page(signed_in(owner), scim, answer.request_id)


def test_standard_request_needs_no_explanation(scim: Provider, owner: Person) -> None:
    answer = scim("POST", "/Users", someone("ada"))

    assert "How the body was read" not in request_page(signed_in(owner), scim, answer.request_id)


def request_page(client: Client, scim: Provider, request_id: str) -> str:
    address = f"/integrations/scim/{scim.connection.pk}/requests/{request_id}/"
    return text_of(client.get(address))
