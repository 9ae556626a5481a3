"""The OpenAPI schema of the API."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from people.api.openapi import ERRORS
from people.api.urls import VIEWS
from tests.api.test_scopes import NEEDED

Json = dict[str, Any]

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLE = re.findall(r"^\| (\d{3}) \| `(.+?)` \|", (DOCS / "api.md").read_text(), re.MULTILINE)
DOCUMENTED = {code: int(status) for status, code in TABLE}
EXPLAINED = re.findall(r"^### `(.+)`$", (DOCS / "errors.md").read_text(), re.MULTILINE)


class Operation(NamedTuple):
    method: str
    path: str
    definition: Json

    @property
    def codes(self) -> set[tuple[int, str]]:
        """The status and the code of each error in the examples."""
        return {
            (int(status), shown["value"]["code"])
            for status, response in self.definition["responses"].items()
            if status >= "4"
            for shown in response["content"]["application/json"]["examples"].values()
        }


def schema() -> Json:
    generated: Json = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return generated


SCHEMA = schema()
OPERATIONS = [
    Operation(method.upper(), path, definition)
    for path, item in SCHEMA["paths"].items()
    for method, definition in item.items()
]
each_operation = pytest.mark.parametrize(
    "one", OPERATIONS, ids=lambda one: one.definition["operationId"]
)


def test_schema_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(SCHEMA).iter_errors()) == []


def test_schema_is_public_and_has_each_endpoint(db: None) -> None:
    answer = Client().get("/api/v1/schema/")

    assert answer.status_code == 200
    assert set(SCHEMA["paths"]) == {
        f"/api/v1/{address.replace('<uuid:', '{').replace('>', '}')}" for address in VIEWS
    }


def test_operation_ids_are_unique() -> None:
    names = [one.definition["operationId"] for one in OPERATIONS]

    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)


@each_operation
def test_each_operation_parameter_and_response_has_a_description(one: Operation) -> None:
    described = [
        one.definition,
        *one.definition.get("parameters", ()),
        *one.definition["responses"].values(),
    ]

    assert one.definition["summary"]
    assert all(part["description"] for part in described)


@each_operation
def test_operation_lists_its_scopes(one: Operation) -> None:
    address = one.path.removeprefix("/api/v1/").replace("{", "<uuid:").replace("}", ">")

    alternatives = [requirement["token"] for requirement in one.definition["security"]]
    assert sorted(alternatives) == sorted([scope] for scope in NEEDED[one.method, address])


@each_operation
def test_operation_has_the_general_errors(one: Operation) -> None:
    general = {
        *("invalid", "authentication-failed", "token-expired"),
        *("permission-denied", "insufficient-scope", "throttled", "unavailable"),
    }
    if one.definition["operationId"] == "deactivate_person":
        # Deactivations are not limited.
        general -= {"throttled"}
    if "requestBody" in one.definition:
        general |= {"parse-error", "too-large", "unsupported-media-type"}
    if "{" in one.path or one.definition["operationId"] == "authorize":
        general |= {"not-found"}

    assert {(DOCUMENTED[code], code) for code in general} <= one.codes


@each_operation
def test_errors_of_the_operation_are_documented(one: Operation) -> None:
    for status, code in one.codes:
        if code in DOCUMENTED:
            assert DOCUMENTED[code] == status
        else:
            assert (status, code in EXPLAINED) == (409, True)


def test_each_documented_error_is_in_the_schema() -> None:
    shown = {code for one in OPERATIONS for _, code in one.codes}

    # No operation of the schema answers 405.
    assert shown >= set(DOCUMENTED) - {"method-not-allowed"}
    assert shown == set(ERRORS)


@each_operation
def test_lists_have_examples_of_page_size_cursor_and_filter_errors(one: Operation) -> None:
    if "page_size" not in {parameter["name"] for parameter in one.definition.get("parameters", ())}:
        return
    examples = one.definition["responses"]["400"]["content"]["application/json"]["examples"]
    messages = {shown["value"]["message"].partition(": ")[2] for shown in examples.values()}

    assert "Send an integer greater than 0." in messages
    assert "Invalid cursor. Start again without it." in messages
    assert "Send a value, or omit the parameter." in messages


def contents(one: Operation) -> Iterator[Json]:
    for part in (one.definition.get("requestBody", {}), *one.definition["responses"].values()):
        yield from part.get("content", {}).values()


@each_operation
def test_each_body_has_valid_examples(one: Operation) -> None:
    for content in contents(one):
        valid = Draft202012Validator(content["schema"] | {"components": SCHEMA["components"]})
        assert content["examples"]
        for shown in content["examples"].values():
            assert list(valid.iter_errors(shown["value"])) == []


@each_operation
def test_429_and_503_have_a_retry_after_header(one: Operation) -> None:
    for status in {"429", "503"} & set(one.definition["responses"]):
        assert "Retry-After" in one.definition["responses"][status]["headers"]
