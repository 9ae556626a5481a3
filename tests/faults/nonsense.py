"""Texts, values, paths and queries that break programs, and ways to break what is whole."""

import copy
import json
import random
from typing import Any, Final

TEXTS: Final = (
    *("", " ", "\u0000", "\ud800", "\ufeff", "\n", "\t", "\x1b[31m", "a\u202eb", "\u00e9\u0301"),
    *("İ", "ß", "\ufb01", "\u212a", "😀" * 50, "a" * 300, "b" * 5000, "x" * 70000),
    *("<script>alert(1)</script>", "=1+1", "'; DROP TABLE people_person;--", "%s%n", "{{7*7}}"),
    *("${7*7}", "../../etc/passwd", "null", "true", "False", "0", "-1", "1e309", "NaN"),
    *(
        "a@b",
        "a@b.example, c@d.example",
        "\uff41@\uff42.example",
        "a@b.example\r\nBcc: x@evil.example",
    ),
    *("urn:ietf:params:scim:schemas:core:2.0:User", "00000000-0000-0000-0000-000000000000"),
    *("BUSINESS_OWNER", "GUEST_USER", 'members[value eq "x"]'),
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**70, 1.5, -0.0, 1e308),
    *([], {}, [[]], [{}], [None], {"": ""}, {"value": None}, [[[[[[]]]]]], {"$ref": "x"}),
    {"value": {"value": {"value": 1}}},
)
_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATHS: Final = (
    *("", "active", "ACTIVE", "name", "name.familyName", "name.nothing", "emails", "emails["),
    *("emails[]", "emails[type eq]", 'emails[type eq "work"', 'emails[type eq "work"]'),
    *('emails[type eq "work"].value', "emails[primary eq true].value", 'emails[value co "@"]'),
    *('emails[type eq "work" and (primary eq true)].value', 'emails[not (type eq "work")].value'),
    *("emails[type pr].display", "members", 'members[value eq "x"]', "members.value", "id", "meta"),
    *('members[value eq "x" or value eq "y"]', "meta.created", "schemas", "userName", "externalId"),
    *("password", "roles", 'roles[primary eq "True"].value', 'roles[type eq "rampUserRole"].value'),
    *("groups", "manager", "manager.value", 'addresses[type eq "work"].locality', _ENTERPRISE),
    *(f"{_ENTERPRISE}:manager", f"{_ENTERPRISE}:manager.value", f"{_ENTERPRISE}:department"),
    *(
        f"{_ENTERPRISE}.department",
        "urn:x:y:Z:a",
        "a.b.c.d.e",
        "..",
        "/userName",
        "\u0000",
        "title",
    ),
    *('name[familyName eq "x"].givenName', "x509Certificates", 'photos[type eq "photo"].value'),
)
ATTRIBUTES: Final = (
    *("userName", "USERNAME", "externalId", "id", "active", "name.familyName", "emails.value"),
    *("emails", 'emails[type eq "work"].value', "displayName", "meta.lastModified", "title"),
    *(
        "groups.value",
        "members.value",
        "members.display",
        "members.type",
        f"{_ENTERPRISE}:department",
    ),
    *("urn:ietf:params:scim:schemas:core:2.0:User:userName", "nothing", "password", "schemas"),
    *("manager", "roles", "x.y.z", ""),
)
OPERATORS: Final = (
    *("eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"),
    "EQ",
    "regex",
    "=",
)
FILTERS: Final = (
    *("(" * 30, "(" * 500, "not " * 40, '"', "userName", "eq", 'userName eq "\\u0000"'),
    *(" or ".join(['userName eq "a"'] * count) for count in (5, 49, 51, 400)),
    *(f'userName eq "{"a" * 3000}"', 'userName eq \\"', 'userName eq "\\ud800"'),
)
QUERY: Final = {
    "startIndex": ("0", "-1", "1", "abc", "1e9", "9" * 20, "1.5", "", "\uff11"),
    "count": ("0", "-1", "1", "100", "100000", "abc", "9" * 30, ""),
    "attributes": ("userName", "emails.value,name", "nothing", "", ",,,", "urn:x", "password"),
    "excludedAttributes": ("members", "id", "schemas", "userName", ""),
    "sortBy": ("userName", "nothing", "emails", "name.familyName", "members.display", ""),
    "sortOrder": ("ascending", "descending", "x"),
    "cursor": ("", "abc", "A" * 300, "\u0000"),
}
BODIES: Final = (
    *(b"", b"NaN", b"Infinity", b'"\\ud800"', b"\xff\xfe", b'{"a":1,"a":2}', b" " * 200_000),
    *(b"[" * 40, b"[" * 1200, b"[" * 100_000, b'{"a":' * 2000),
    b'{"userName": ' + b"9" * 6000 + b"}",
)


def broken(chance: random.Random, value: Any, depth: int = 0) -> Any:
    """Return the value with something changed somewhere in it, mostly something small."""
    if depth > 6 or chance.random() < 0.12:
        return _anything(chance)
    if isinstance(value, dict) and value:
        return _broken_object(chance, dict(value), depth)
    if isinstance(value, list) and value:
        return _broken_list(chance, list(value), depth)
    if isinstance(value, str) and chance.random() < 0.5:
        cut = chance.randrange(len(value) + 1)
        return value[:cut] + chance.choice(TEXTS) + value[cut:]
    return _anything(chance)


def _broken_object(chance: random.Random, value: dict[str, Any], depth: int) -> dict[str, Any]:
    key = chance.choice(list(value))
    what = chance.random()
    if what < 0.5:
        value[key] = broken(chance, value[key], depth + 1)
    elif what < 0.65:
        del value[key]
    elif what < 0.75:
        names = (key.upper(), key.swapcase(), f"{key} ", "tenant_id", "__proto__", "person")
        value[chance.choice(names)] = value[key]
    elif what < 0.85:
        value[chance.choice(PATHS)] = _anything(chance)
    else:
        value[key] = [value[key]] * chance.choice([1, 2, 50])
    return value


def _broken_list(chance: random.Random, value: list[Any], depth: int) -> list[Any]:
    place = chance.randrange(len(value))
    what = chance.random()
    if what < 0.6:
        value[place] = broken(chance, value[place], depth + 1)
    elif what < 0.75:
        value *= chance.choice([2, 5, 120])
    elif what < 0.85:
        del value[place]
    else:
        chance.shuffle(value)
    return value


def _anything(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(VALUES)) if chance.random() < 0.5 else chance.choice(TEXTS)


def patch_operation(chance: random.Random) -> dict[str, Any]:
    """Return an operation of a PatchOp, most of whose parts are there."""
    parts = {
        "op": chance.choice(("add", "replace", "remove", "Add", "REMOVE", "move", "")),
        "path": chance.choice(PATHS),
        "value": chance.choice((_anything(chance), {chance.choice(PATHS): chance.choice(TEXTS)})),
    }
    return {name: value for name, value in parts.items() if chance.random() < 0.93}


def filter_text(chance: random.Random, depth: int = 0) -> str:
    """Return a SCIM filter, whole or broken, nested at random."""
    what = chance.random()
    if depth < 5 and what < 0.25:
        joint = chance.choice(("and", "or", "AND", "xor", ""))
        return f"{filter_text(chance, depth + 1)} {joint} {filter_text(chance, depth + 1)}"
    if depth < 5 and what < 0.35:
        inner = filter_text(chance, depth + 1)
        return f"({inner})" if chance.random() < 0.7 else f"not ({inner})"
    if what < 0.42:
        return chance.choice(FILTERS)
    text = json.dumps(chance.choice(TEXTS)[:200], ensure_ascii=chance.random() < 0.5)
    value = chance.choice(
        (text, "true", "null", "1", "-1.5e400", '"2026-01-01T00:00:00Z"', "x", "")
    )
    return f"{chance.choice(ATTRIBUTES)} {chance.choice(OPERATORS)} {value}"


def query(chance: random.Random) -> list[tuple[str, str]]:
    """Return parameters of a list or a search."""
    found = [("filter", filter_text(chance))] if chance.random() < 0.6 else []
    for name, values in QUERY.items():
        if chance.random() < 0.18:
            found.append((name, chance.choice(values)))
    return found


def broken_bytes(chance: random.Random, content: bytes) -> bytes:
    """Return a body that is often no JSON any more."""
    cut = chance.randrange(len(content) + 1)
    noise = chance.randbytes(8)
    return chance.choice(
        (content[:cut], content[:cut] + noise + content[cut:], content * 2, *BODIES)
    )
