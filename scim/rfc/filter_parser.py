"""From the text of a filter to its syntax tree (RFC 7644 section 3.4.2.2).

The grammar is scim2-models'. What could cost us time or stack is refused before it is
parsed, by counting.
"""

import re

from scim2_models import InvalidFilterException
from scim2_models.path import FilterNode, ScimFilter

LONGEST = 2048
DEEPEST = 10
MOST_TERMS = 50

_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OPENING = re.compile(r"[(\[]")
_BRACKETS = re.compile(r"[()\[\]]")
_JOINS = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
# What providers ask before nearly every write; it needs no parser.
_LOOKUP = re.compile(
    r"\s*(userName|externalId|id)\s+eq\s+\"([^\"\\\x00-\x1f]*)\"\s*", re.IGNORECASE
)
_LOOKUP_NAMES = {"username": "userName", "externalid": "externalId", "id": "id"}


def parse(text: str) -> FilterNode:
    """Return the tree of the filter.

    :raises InvalidFilterException: if it is too large, or not a filter.
    """
    reason = excess(text)
    if reason is not None:
        raise InvalidFilterException(filter=text, detail=f"The filter {reason}.")
    try:
        return ScimFilter(text).ast
    except InvalidFilterException as error:
        raise InvalidFilterException(
            filter=text, detail=f"The filter cannot be read: {error.detail}."
        ) from error


def lookup(text: str) -> tuple[str, str] | None:
    """Return the attribute and the value of a filter that just looks somebody up.

    That is `userName`, `externalId` or `id` with `eq`, and nothing else.
    """
    match = _LOOKUP.fullmatch(text)
    if match is None or len(text) > LONGEST:
        return None
    return _LOOKUP_NAMES[match[1].lower()], match[2]


def excess(text: str, most_terms: int = MOST_TERMS) -> str | None:
    """Say what makes a filter, or a path with one inside, more than we read."""
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters"
    structure = _STRINGS.sub('""', text)
    if len(_OPENING.findall(structure)) > DEEPEST and _depth(structure) > DEEPEST:
        return f"is nested more than {DEEPEST} levels deep"
    if len(_JOINS.findall(structure)) >= most_terms:
        return f"has more than {most_terms} terms"
    return None


def _depth(structure: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(structure):
        depth += 1 if bracket in "([" else -1
        deepest = max(deepest, depth)
    return deepest
