"""Reads the groups of a claim, in the shapes that providers send."""

import re
from collections.abc import Iterator
from typing import Any, Final

from provisioning.claims import MAX_GROUP_LENGTH, Group, readable
from provisioning.claims.values import MAX_DEPTH, Unreadable, is_number, kind_of

# How the groups of a claim that is one text are separated. Blank: Ramp has not been told.
SEPARATORS: Final = {
    "": "Not set: a text with commas or semicolons changes no roles",
    "none": "Not at all: the text is one group",
    ",": "By commas",
    ";": "By semicolons",
    "|": "By vertical bars",
    " ": "By spaces",
}
SAMPLE: Final = 80


class _NotAGroup(Exception):
    pass


def read_groups(value: Any, separator: str = "") -> frozenset[Group] | Unreadable:
    """Return the groups of the claim.

    They are text, numbers or objects, in a list or alone, or the names of a roles object. If any of
    them cannot be read, all are unreadable, because the missing one could be any group.

    :param separator: a key of SEPARATORS, for a claim that is one text.
    """
    if isinstance(value, str):
        return _read_text(value, separator)
    try:
        return frozenset(_groups(value, 0))
    except _NotAGroup as error:
        return Unreadable(str(error))


def _read_text(text: str, separator: str) -> frozenset[Group] | Unreadable:
    # The commas of one DN do not separate groups.
    is_dn = all("=" in part for part in text.split(","))
    is_separated = bool(re.search(r"[;|\t\n]" if is_dn else r"[,;|\t\n]", text))
    may_be_several = is_separated or text.lstrip().startswith(("[", "{"))
    if separator == " ":
        parts = text.split()
    elif separator not in ("", "none"):
        parts = [part.strip() for part in text.split(separator)]
    elif not text.strip():
        return Unreadable("is an empty text")
    elif separator == "" and may_be_several:
        return Unreadable(
            f"is one text, “{readable(text)[:SAMPLE]}”, which may list several groups; choose on "
            "the provider's page how they are separated"
        )
    else:
        parts = [text]
    return frozenset(Group(part, part) for part in parts if part)


def _groups(value: Any, depth: int) -> Iterator[Group]:
    match value:
        case str() if value.strip():
            yield Group(value, value)
        case int() if depth and is_number(value):
            yield Group(str(value), str(value))
        case list() if depth < MAX_DEPTH:
            for one in value:
                yield from _groups(one, depth + 1)
        case dict() if _is_roles_object(value):
            yield from (Group(name, name) for name in value)
        case dict():
            yield _group_of(value)
        case _:
            what = "has an empty text in it" if value == "" else f"has {kind_of(value)} in it"
            raise _NotAGroup(what if depth else f"is {kind_of(value)}, not a list of groups")


def _is_roles_object(value: dict[str, Any]) -> bool:
    """Tell whether the names of the object are roles, each with organizations and their domains.

    Zitadel sends `{"auditor": {"2845…": "acme.zitadel.cloud"}}`:
    https://zitadel.com/docs/apis/openidoauth/claims#reserved-claims
    """
    return bool(value) and all(
        name.strip() and isinstance(held, dict) and held and all(map(_is_text, held.values()))
        for name, held in value.items()
    )


def _group_of(value: dict[str, Any]) -> Group:
    """Return the group of an object: SCIM's `value` and `display`, or `id` and a name."""
    keys = [name for name in ("id", "value") if name in value]
    names = [name for name in ("displayName", "name", "display") if _is_text(value.get(name))]
    values = [*(value[name] for name in keys[:1]), *(value[name] for name in names)]
    if not values or not (_is_text(values[0]) or is_number(values[0])):
        raise _NotAGroup("has an object in it that names no group")
    key = str(values[0])
    name = str(values[1]) if keys and len(values) > 1 else key
    # An unusual name must not hide the group. Only the id is compared.
    return Group(key, readable(name)[:MAX_GROUP_LENGTH])


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
