"""Filtering, sorting and patching by each published attribute."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import Attribute, ResourceType
from tests.clients.scim import Answer, Provider, address

pytestmark = pytest.mark.django_db

OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
VALUES = ('"x"', "true", "1", "null", '"2026-01-01T00:00:00Z"')


def paths(resource: ResourceType) -> Iterator[tuple[str, Attribute]]:
    """Return every attribute and sub-attribute, by each name that a client may use."""
    for schema in (resource.core, *resource.extensions):
        for one in schema.attributes:
            yield from _of(f"{schema.urn}:{one.name}", one)
    for one in (*resource.core.attributes, *resource.common):
        yield from _of(one.name, one)


def _of(path: str, one: Attribute) -> Iterator[tuple[str, Attribute]]:
    yield path, one
    for part in one.parts:
        yield f"{path}.{part.name}", part


def all_filters(resource: ResourceType) -> Iterator[str]:
    values, operators = cycle(VALUES), cycle(OPERATORS)
    for path, one in paths(resource):
        yield f"{path} pr"
        yield from (f"{path} {operator} {next(values)}" for operator in OPERATORS)
        for part in one.parts:
            yield f"{path}[{part.name} {next(operators)} {next(values)}]"
            yield f"{path}[{part.name} pr]"


def unexpected_answers(answers: Iterator[tuple[str, Answer]], codes: set[str]) -> list[str]:
    """Return the requests that were neither answered nor refused with one of the codes."""
    return [
        f"{asked}: {answer.status} {answer.content[:200]!r}"
        for asked, answer in answers
        if answer.status != 200 and (answer.status != 400 or answer.body["scimType"] not in codes)
    ]


@pytest.fixture
def with_resources(scim: Provider) -> Provider:
    ada = scim.add("ada")
    scim.add_group("Sales", ada)
    return scim


@pytest.mark.parametrize("resource", [USER, GROUP], ids=["Users", "Groups"])
def test_every_filter_is_answered_or_refused_as_invalid(
    with_resources: Provider, resource: ResourceType
) -> None:
    asked = list(all_filters(resource))
    answers = (
        (one, with_resources("GET", address(resource.endpoint, filter=one))) for one in asked
    )

    assert len(asked) > 200
    assert unexpected_answers(answers, {"invalidFilter"}) == []


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("resource", [USER, GROUP], ids=["Users", "Groups"])
def test_every_sort_path_is_answered_or_refused_as_invalid(
    with_resources: Provider, resource: ResourceType, order: str
) -> None:
    asked = [path for path, _ in paths(resource)]
    answers = (
        (one, with_resources("GET", address(resource.endpoint, sortBy=one, sortOrder=order)))
        for one in asked
    )

    assert unexpected_answers(answers, {"invalidPath", "invalidFilter"}) == []


@pytest.mark.parametrize("has_path", [True, False], ids=["with a path", "without a path"])
@pytest.mark.parametrize("resource", [USER, GROUP], ids=["Users", "Groups"])
def test_every_patch_is_applied_or_refused_as_invalid(
    with_resources: Provider, resource: ResourceType, has_path: bool
) -> None:
    """tests/scim/rfc/test_patching_every_attribute.py tests all forms of all attributes."""
    [one] = with_resources("GET", resource.endpoint).body["Resources"]
    place = f"{resource.endpoint}/{one['id']}"

    nothings: Iterator[Any] = cycle((None, "", [], {}, ["x"]))

    def patches() -> Iterator[tuple[str, Answer]]:
        for path, _ in paths(resource):
            for op in ("add", "replace", "remove"):
                value = next(nothings)
                at_path = {"op": op, "path": path, "value": value}
                changed = at_path if has_path else {"op": op, "value": {path: value}}
                yield str(changed), with_resources("PATCH", place, {"Operations": [changed]})

    codes = {"mutability", "invalidValue", "invalidPath", "noTarget", "uniqueness"}
    wrong = [
        f"{asked}: {answer.status} {answer.content[:200]!r}"
        for asked, answer in patches()
        if answer.status not in (200, 204)
        and (answer.status != 400 or answer.body["scimType"] not in codes)
    ]
    assert wrong == []
    assert with_resources("GET", place).status == 200
