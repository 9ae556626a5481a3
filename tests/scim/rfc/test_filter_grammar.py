import time

import pytest
from scim2_models import InvalidFilterException, InvalidPathException, SCIMException
from scim2_models.path import FilterNode

from scim.rfc.filter_parser import lookup, parse
from scim.rfc.paths import resolve
from scim.rfc.resource_types import USER

RAMP = "urn:ietf:params:scim:schemas:extension:ramp:2.0:User"
ENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ada"',
        'a eq "' + "(" * 500 + ' and "',
        "(" * 10 + "title pr" + ")" * 10,
        " or ".join(["title pr"] * 50),
        'emails[type eq "work" and not (value co "\\"@x")] or not (title pr)',
        f'{ENT}:department eq "x"',
        "android pr",
    ],
)
def test_valid_filter_is_parsed(text: str) -> None:
    assert isinstance(parse(text), FilterNode)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('title eq "' + "x" * 2048 + '"', "longer than 2048 characters"),
        ("(" * 11 + "title pr" + ")" * 11, "more than 10 levels deep"),
        ("not(" * 11 + "title pr" + ")" * 11, "more than 10 levels deep"),
        (" or ".join(["title pr"] * 51), "more than 50 terms"),
        (" AND ".join(["title pr"] * 51), "more than 50 terms"),
        ("userName eq", "column 10"),
        ('userName is "x"', "cannot be read"),
        ('userName eq "x', "cannot be read"),
        ("", "cannot be read"),
        ("title eq 1e999", "number out of range"),
    ],
)
def test_invalid_filter_is_refused_with_the_reason(text: str, output: str) -> None:
    with pytest.raises(InvalidFilterException) as refused:
        parse(text)

    assert output in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2048,
        "[]" * 1024,
        '"' * 2048,
        "not(" * 512,
        "a or " * 409,
        "x" * 1_000_000,
        "\\" * 2048,
    ],
)
def test_filter_bomb_is_refused_quickly(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(InvalidFilterException):
        parse(text)

    assert time.thread_time() - start < 0.02


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "ada"', ("userName", "ada")),
        (' UserName  EQ "a b" ', ("userName", "a b")),
        ('externalId eq "x"', ("externalId", "x")),
        ('id eq ""', ("id", "")),
        ('userName eq "a\\"b"', None),
        ('userName eq "a" and title pr', None),
        ('userName sw "a"', None),
        ("userName eq 5", None),
    ],
)
def test_simple_lookup_is_recognized_without_parsing(
    text: str, found: tuple[str, str] | None
) -> None:
    assert lookup(text) == found


@pytest.mark.parametrize(
    ("path", "schema", "attribute", "part"),
    [
        ("userName", None, "userName", None),
        ("NAME.familyname", None, "name", "familyName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", None, "name", "givenName"),
        (f"{ENT}:manager", ENT, "manager", None),
        (f"{ENT.upper()}:MANAGER.VALUE", ENT, "manager", "value"),
        ("manager.value", ENT, "manager", "value"),
        (f"{ENT}:manager.$ref", ENT, "manager", "$ref"),
        ('emails[type eq "work"].value', None, "emails", "value"),
        ('emails[type eq "a.b:c]d"].value', None, "emails", "value"),
        (ENT, ENT, None, None),
        (f"{RAMP}:any-Name_1", RAMP, "any-Name_1", None),
    ],
)
def test_path_is_resolved(path: str, schema: str | None, attribute: str, part: str | None) -> None:
    target = resolve(path, USER)

    assert (target.schema.urn if target.schema else None) == schema
    assert (target.attribute.name if target.attribute else None) == attribute
    assert (target.part.name if target.part else None) == part


@pytest.mark.parametrize(
    "path",
    [
        "",
        "shoeSize",
        "name.shoe",
        "emails.value.x",
        "emails[",
        "emails[type eq]",
        'title[value eq "x"]',
        'userName eq "x"',
        "title pr",
        "urn:example:User:title",
        f"{ENT}x:department",
        f"{ENT}:name.givenName",
        "emails[" + "(" * 11 + "type pr" + ")" * 11 + "]",
        "x" * 5000,
    ],
)
def test_invalid_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidPathException) as refused:
        resolve(path, USER)

    assert len(refused.value.detail) < 400


def test_error_quotes_long_paths_only_partly() -> None:
    with pytest.raises(SCIMException) as refused:
        resolve('emails[type eq "' + "x" * 1900 + '"].shoe', USER)

    assert len(refused.value.detail) < 400
