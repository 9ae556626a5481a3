"""Validation of query parameters of the API."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from people.api.urls import VIEWS
from people.models import Person
from tests.clients import spend
from tests.clients.spend import Api

pytestmark = pytest.mark.django_db

# An invalid value of each parameter that can have one.
BAD = {
    "state": "asleep",
    "email": "nobody",
    "external_id": "x" * 501,
    "department": "x" * 201,
    "location": "x" * 201,
    "manager": "ada",
    "changed_since": "yesterday",
    "cursor": "garbage",
    "page_size": "many",
    "holder": "5",
    "owner": "ada",
    "card": "5",
    "fund": "5",
    "ended": "perhaps",
    "approved": "perhaps",
    "actor": "x" * 255,
    "person": "x" * 255,
    "action": "nonsense",
    "interface": "telepathy",
    "since": "yesterday",
    "until": "tomorrow",
    "after": "the last one",
}


def operations_of_schema() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each operation with the query parameters that the schema declares."""
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415  needs no database

    schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return [
        (
            method.upper(),
            path,
            tuple(one["name"] for one in value.get("parameters", []) if one["in"] == "query"),
        )
        for path, item in schema["paths"].items()
        for method, value in item.items()
    ]


OPERATIONS = operations_of_schema()
DECLARED = [(method, path, name) for method, path, names in OPERATIONS for name in names]


def ask(api: Api, method: str, path: str, query: str) -> Any:
    address = path
    for name in ("person_id", "card_id", "fund_id", "authorization_id"):
        address = address.replace(f"{{{name}}}", str(uuid4()))
    return api.client.generic(
        method, f"{address}?{query}", data="{}", content_type="application/json"
    )


def test_every_endpoint_is_tested() -> None:
    assert len({path for _, path, _ in OPERATIONS}) == len(VIEWS)


@pytest.mark.parametrize(("method", "path", "known"), OPERATIONS)
@pytest.mark.parametrize("query", ["statee=inactive", "tenant=1", "x", "stateState=&y=1"])
def test_refuses_unknown_parameter_and_lists_the_known_ones(
    api: Api, method: str, path: str, known: tuple[str, ...], query: str
) -> None:
    answer = ask(api, method, path, query)

    assert answer.status_code == 400, answer.content
    content = answer.json()
    name = query.partition("=")[0]
    assert content["code"] == "invalid"
    assert content["fields"][name].startswith("Unknown query parameter.")
    assert all(one in content["fields"][name] for one in known)


@pytest.mark.parametrize(("method", "path", "name"), DECLARED)
@pytest.mark.parametrize("value", ["", "%20"])
def test_refuses_an_empty_value(api: Api, method: str, path: str, name: str, value: str) -> None:
    answer = ask(api, method, path, f"{name}={value}")

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [name]


@pytest.mark.parametrize(("method", "path", "name"), DECLARED)
def test_refuses_an_invalid_value(api: Api, method: str, path: str, name: str) -> None:
    answer = ask(api, method, path, f"{name}={BAD[name]}")

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [name]


@pytest.mark.parametrize(("method", "path", "name"), DECLARED)
def test_refuses_a_parameter_sent_twice(api: Api, method: str, path: str, name: str) -> None:
    answer = ask(api, method, path, f"{name}=true&{name}=true")

    assert answer.json()["fields"] == {name: "Send this parameter only once."}


def test_accepts_each_filter_with_a_valid_value(api: Api, ada: Person) -> None:
    card, fund = spend.card(ada), spend.fund(ada)
    api.authorize(card=card.pk)
    for address, query in {
        "people": {"state": "active", "email": "ada@example.com"},
        "cards": {"holder": str(ada.pk), "ended": "false"},
        "funds": {"owner": str(ada.pk), "page_size": "1"},
        "authorizations": {"card": str(card.pk), "approved": "true"},
    }.items():
        assert len(api.get(address, **query).json()["results"]) == 1, address
    assert not api.get("authorizations", fund=str(fund.pk)).json()["results"]


def test_authentication_comes_before_parameter_errors(owner: Person) -> None:
    assert Client().get("/api/v1/people?statee=inactive").status_code == 401
