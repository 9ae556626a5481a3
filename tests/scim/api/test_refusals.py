"""Refusals of invalid SCIM requests."""

import json
import time
from typing import Any

import pytest

from people.models import Person
from scim.models import ScimUser
from tests.clients.scim import ENT, NOBODY, PATCH, Json, Provider, mail, someone
from tests.support.scim_errors import assert_refused

pytestmark = pytest.mark.django_db

# Seconds of CPU, which other processes do not change. Exponential algorithms would take minutes.
MAX_CPU_SECONDS = 1.0


MALFORMED = {
    "cut off": b'{"userName": "ada"',
    "trailing comma": b'{"userName": "ada",}',
    "single quotes": b"{'userName': 'ada'}",
    "two documents": b"{}{}",
    "empty": b"",
    "blank": b" \n ",
    "text": b"userName=ada",
    "xml": b"<user/>",
    "not UTF-8": b'{"userName": "\xff"}',
    "UTF-16": '{"userName": "ada"}'.encode("utf-16"),
    "NaN": b'{"userName": NaN}',
    "Infinity": b'{"userName": -Infinity}',
    "duplicate key": b'{"userName": "ada", "userName": "bob"}',
    "NUL": b'{"userName": "a\\u0000"}',
    "raw NUL": b'{"userName": "a\x00"}',
    "unpaired surrogate": b'{"userName": "\\ud800"}',
    "a huge number": b'{"x": ' + b"9" * 5000 + b"}",
    "a huge exponent": b'{"x": 1e999}',
}
BOMBS = {
    "brackets": b"[" * 1_000_000,
    "closed brackets": b"[" * 500_000 + b"]" * 500_000,
    "objects": b'{"a":' * 150_000,
    "values": b'{"x": [' + b"1," * 300_000 + b"1]}",
    "quotes": b'"' * 1_000_000,
    "escapes": b'{"x": "' + b"\\u0041" * 170_000 + b'"}',
    "backslashes": b'{"filter": "' + b"\\\\" * 500_000 + b'"}',
    "deep": json.dumps({"x": json.loads("[" * 33 + "]" * 33)}).encode(),
}
WRONG_TYPES: list[tuple[Any, str]] = [
    ([], "JSON object"),
    ("ada", "JSON object"),
    (5, "JSON object"),
    (None, "JSON object"),
    ({}, "userName"),
    ({"userName": None}, "userName"),
    ({"userName": ""}, "userName"),
    ({"userName": "  "}, "userName"),
    ({"userName": ["ada", "bob"]}, "userName"),
    ({"userName": {"value": "ada"}}, "userName"),
    ({"userName": "a" * 256}, "userName"),
    ({"userName": "ada", "USERNAME": "bob"}, "userName"),
    (someone(name="Ada"), "name"),
    (someone(name=["Ada"]), "name"),
    (someone(name={"givenName": {"en": "Ada"}}), "name.givenName"),
    (someone(name={"givenName": "A" * 201, "familyName": "L"}), "name.givenName"),
    (someone(active="maybe"), "active"),
    (someone(active=2), "active"),
    (someone(active=[True, False]), "active"),
    (someone(emails=[mail("not an address")]), "not an address"),
    (someone(emails=[mail("ada@")]), "ada@"),
    (someone(emails=[mail("a@x.example, b@x.example")]), "a@x.example, b@x.example"),
    (someone(emails=[5]), "emails"),
    (someone(emails=[{"value": f"{n}@x.example"} for n in range(201)]), "emails"),
    (someone(**{ENT: "Research"}), "department"),
    (someone(**{ENT: {"department": {"code": 5}}}), "department"),
]
WRONG_PATCHES: list[tuple[Any, str, str]] = [
    ([], "invalidSyntax", "JSON object"),
    ({}, "invalidSyntax", "Operations"),
    ({"Operations": {}}, "invalidSyntax", "Operations"),
    ({"Operations": [5]}, "invalidSyntax", "Operations"),
    ({"Operations": [{"path": "title", "value": "x"}]}, "invalidSyntax", "op"),
    ({"Operations": [{"op": "upsert", "path": "title", "value": "x"}]}, "invalidSyntax", "op"),
    ({"Operations": [{"op": "add", "path": 5, "value": "x"}]}, "invalidSyntax", "path"),
    ({"Operations": [{"op": "add", "path": "userName"}]}, "invalidValue", "userName"),
    ({"Operations": [{"op": "add", "path": "emails[", "value": 5}]}, "invalidPath", "emails["),
    ({"Operations": [{"op": "add", "path": "name.", "value": "x"}]}, "invalidPath", "name."),
    ({"Operations": [{"op": "replace", "path": "name", "value": 5}]}, "invalidValue", "name"),
    ({"Operations": [{"op": "replace", "path": "active", "value": "?"}]}, "invalidValue", "active"),
    ({"Operations": [{"op": "remove"}]}, "noTarget", "path"),
    ({"Operations": [{"op": "replace", "value": "x"}]}, "invalidValue", "value"),
    ({"Operations": [{"op": "remove", "path": "userName"}]}, "mutability", "userName"),
    ({"Operations": [{"op": "replace", "path": "userName", "value": ""}]}, "invalidValue", ""),
]
READ_ONLY = ["id", "meta", "meta.version", "meta.created", "groups", "groups.value"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_json_is_refused_with_the_reason(
    scim: Provider, method: str, body: bytes
) -> None:
    scim_id = "" if method == "POST" else f"/{scim.add()}"

    answer = scim(method, f"/Users{scim_id}", body)

    assert_refused(answer, 400, "invalidSyntax", "The body cannot be read:")


@pytest.mark.parametrize("path", ["/Users", "/Users/.search", "/Bulk", "/Groups"])
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_json_bomb_is_refused_quickly(scim: Provider, path: str, body: bytes) -> None:
    began = time.thread_time()

    answer = scim("POST", path, body)

    assert time.thread_time() - began < MAX_CPU_SECONDS
    assert answer.status == 400
    assert_refused(answer, 400, answer.body["scimType"])


@pytest.mark.parametrize(("sent", "word"), WRONG_TYPES)
def test_value_of_wrong_type_is_named(scim: Provider, sent: Any, word: str) -> None:
    answer = scim("POST", "/Users", json.dumps(sent).encode())

    assert_refused(answer, 400, answer.body["scimType"], word)
    assert answer.body["scimType"] in ("invalidSyntax", "invalidValue")
    assert not ScimUser.objects.exists()


@pytest.mark.parametrize(("sent", "scim_type", "word"), WRONG_PATCHES)
def test_invalid_patch_changes_nothing(
    scim: Provider, sent: Any, scim_type: str, word: str
) -> None:
    scim_id = scim.add()
    before = scim.read(scim_id)
    if isinstance(sent, dict) and isinstance(sent.get("Operations"), list):
        good = {"op": "replace", "path": "title", "value": "Countess"}
        sent = {"schemas": [PATCH], "Operations": [good, *sent["Operations"]]}

    answer = scim("PATCH", f"/Users/{scim_id}", sent)

    assert_refused(answer, 400, scim_type, word)
    assert scim.read(scim_id) == before


@pytest.mark.parametrize("path", READ_ONLY)
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_read_only_attribute_cannot_be_patched(scim: Provider, op: str, path: str) -> None:
    scim_id = scim.add()

    answer = scim.patch(scim_id, {"op": op, "path": path, "value": "x"})

    assert_refused(answer, 400, "mutability", path)
    assert scim.read(scim_id)["id"] == scim_id


class TestUnknown:
    NAMES = [
        *("pk", "tenant", "tenant_id", "connection", "person", "person_id", "is_superuser"),
        *("is_operator", "is_staff", "state", "role", "session_epoch", "password", "email"),
        *("deleted_at", "_connector", "_negated", "document", "version", "managed_fields"),
        *("__class__", "objects", "invites", "user_permissions", "permissions", "shoeSize"),
        *("id", "meta", "groups"),
    ]

    def test_unknown_attributes_are_ignored_and_not_stored(self, scim: Provider) -> None:
        strange: Json = dict.fromkeys(self.NAMES, "strange")
        inside: Json = {"name": {"givenName": "Ada", "familyName": "Lovelace"} | strange}
        inside["emails"] = [mail("ada@example.com") | strange]

        answer = scim("POST", "/Users", someone(**strange, **inside))

        assert answer.status == 201
        assert b"strange" not in answer.content
        assert "strange" not in str(ScimUser.objects.values().get())
        person = Person.objects.filter(email="ada@example.com").values().get()
        assert "strange" not in str(person)
        assert (person["is_operator"], person["role"]) == (False, Person.Role.CARDHOLDER)

    def test_unknown_attributes_are_ignored_in_put_and_patch(self, scim: Provider) -> None:
        scim_id = scim.add()
        before = scim.read(scim_id)
        strange = dict.fromkeys(self.NAMES, "strange")

        assert scim("PUT", f"/Users/{scim_id}", someone(**strange)).body == before
        assert scim.patch(scim_id, {"op": "replace", "value": strange}).body == before

    @pytest.mark.parametrize(
        "name", ["id", "id; DROP", "x" * 3000, "..%2f", "%00", "\u0142", "null"]
    )
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_unknown_id_is_not_found(self, scim: Provider, method: str, name: str) -> None:
        body = {"PUT": someone(), "PATCH": {"Operations": []}}.get(method)

        for kind, sent in (("Users", body), ("Groups", body and {"displayName": "x", **body})):
            assert_refused(scim(method, f"/{kind}/{name}", sent), 404, None)

    @pytest.mark.parametrize("path", ["/nowhere", "/users", "/Users/a/b", "/Me/x", "/Bulk/1", "//"])
    def test_unknown_endpoint_is_not_found(self, scim: Provider, path: str) -> None:
        if path != "//":
            assert_refused(scim("GET", path), 404, None, path)

    @pytest.mark.parametrize("text", [r"\u0000", r"\ud800"], ids=["NUL", "unpaired surrogate"])
    def test_forbidden_characters_in_a_path_are_refused(self, scim: Provider, text: str) -> None:
        path = f'emails[type eq "{text}"].value'
        assert_refused(scim.replace(scim.add(), path, "a@x.example"), 400, "invalidFilter")

        group = f"/Groups/{scim.add_group('Editors')}"
        for op in ("add", "remove"):
            sent = {"op": op, "path": f'members[value eq "{text}"]'}
            assert scim("PATCH", group, {"Operations": [sent]}).status in (204, 400)


class TestUniqueness:
    @pytest.mark.parametrize(
        ("document", "taken"),
        [
            ({}, "userName"),
            ({"userName": "ADA@EXAMPLE.COM"}, "userName"),
            ({"userName": "Ada@example.com", "externalId": "X-2"}, "userName"),
        ],
        ids=["same", "another case", "another externalId"],
    )
    def test_duplicate_user_name_is_a_conflict(
        self, scim: Provider, document: Json, taken: str
    ) -> None:
        scim.add(externalId="X-1")

        answer = scim("POST", "/Users", someone(**document))

        assert_refused(answer, 409, "uniqueness", f"has this {taken}.", f"by its {taken}")
        assert ScimUser.objects.count() == 1

    def test_user_names_that_differ_in_unicode_form_conflict(self, scim: Provider) -> None:
        scim.add(userName="jos\u00e9")

        answer = scim("POST", "/Users", someone("x", userName="jose\u0301"))

        assert_refused(answer, 409, "uniqueness")

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_change_to_a_taken_user_name_is_a_conflict(self, scim: Provider, method: str) -> None:
        scim.add()
        bob = scim.add("bob")
        before = scim.read(bob)
        taken = "ADA@example.com"

        if method == "PUT":
            answer = scim("PUT", f"/Users/{bob}", someone("bob") | {"userName": taken})
        else:
            answer = scim.replace(bob, "userName", taken)

        assert_refused(answer, 409, "uniqueness", "has this userName.")
        assert scim.read(bob) == before


class TestHeadersAndLimits:
    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "application/xml",
            "multipart/form-data; boundary=x",
            "image/png",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "json",
        ],
    )
    @pytest.mark.parametrize("path", ["/Users", "/Users/.search", "/Bulk"])
    def test_other_media_types_are_refused(
        self, scim: Provider, path: str, content_type: str
    ) -> None:
        answer = scim("POST", path, someone(), Content_Type=content_type)

        assert_refused(answer, 415, None, "application/scim+json")

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/scim+json; charset=utf-8",
            "application/json",
            "Application/JSON",
            "",
            "text/json",
        ],
    )
    def test_json_media_types_are_accepted(self, scim: Provider, content_type: str) -> None:
        answer = scim("POST", "/Users", someone(), Content_Type=content_type)

        assert answer.status == 201
        assert answer.headers["Content-Type"] == "application/scim+json"

    # Django itself refuses to read more than 2.5 MiB.
    @pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
    @pytest.mark.parametrize("path", ["/Users", "/Groups", "/Bulk", "/.search"])
    def test_body_above_one_mebibyte_is_refused(self, scim: Provider, path: str, size: int) -> None:
        answer = scim("POST", path, b" " * size)

        assert_refused(answer, 413, None, "1 MiB")

    def test_patch_with_too_many_operations_is_refused(self, scim: Provider) -> None:
        operation = {"op": "replace", "path": "title", "value": "x"}

        answer = scim.patch(scim.add(), *[operation] * 501)

        assert_refused(answer, 413, None, "500")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "/Users", "GET, POST"),
            ("PATCH", "/Users", "GET, POST"),
            ("PUT", "/Groups", "GET, POST"),
            ("POST", f"/Users/{NOBODY}", "DELETE, GET, PATCH, PUT"),
            ("POST", "/ServiceProviderConfig", "GET"),
            ("PUT", "/Schemas", "GET"),
            ("DELETE", "/ResourceTypes/User", "GET"),
            ("GET", "/Bulk", "POST"),
            ("GET", "/.search", "POST"),
            ("TRACE", "/Users", "GET, POST"),
            ("OPTIONS", "/Users", "GET, POST"),
        ],
    )
    def test_unsupported_method_is_refused_with_allow_header(
        self, scim: Provider, method: str, path: str, allowed: str
    ) -> None:
        answer = scim(method, path, {} if method in ("POST", "PUT", "PATCH") else None)

        assert_refused(answer, 405, None)
        assert answer.headers["Allow"] == allowed

    def test_me_endpoint_is_not_implemented(self, scim: Provider) -> None:
        assert_refused(scim("GET", "/Me"), 501, None)

    def test_trailing_slash_is_accepted(self, scim: Provider) -> None:
        scim_id = scim("POST", "/Users/", someone()).id

        assert scim("GET", f"/Users/{scim_id}/").status == 200
        assert scim("GET", "/Users/").status == 200
