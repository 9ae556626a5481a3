"""Parse a filter into its syntax tree (RFC 7644 section 3.4.2.2).

scim2-models parses the filter. A filter that is too long, too deep or has too many terms is
refused before, so that parsing cannot exhaust the time or the stack.
"""

import json
import re
from collections.abc import Callable

from scim2_models import InvalidFilterException
from scim2_models.path import FilterNode, ScimFilter

MAX_LENGTH = 2048
MAX_DEPTH = 10
MAX_TERMS = 50

_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OPENING = re.compile(r"[(\[]")
_BRACKETS = re.compile(r"[()\[\]]")
_JOINS = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CODE_POINT = re.compile(r"\\u[0-9a-fA-F]{4}")
_LINES = re.compile(r"\b(?:formatted|streetAddress)\b", re.IGNORECASE)
_UNQUOTED = re.compile(
    r"\b(eq|ne|co|sw|ew|gt|ge|lt|le)\s+"
    r"(?!(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?)(?![^\s()\[\]]))"
    r"([^\s\"()\[\]]+)",
    re.IGNORECASE,
)
# Providers send such a filter before nearly every write, so it is matched without the parser.
_LOOKUP = re.compile(
    r"\s*(userName|externalId|id)\s+eq\s+\"([^\"\\\x00-\x1f]*)\"\s*", re.IGNORECASE
)
_LOOKUP_NAMES = {"username": "userName", "externalid": "externalId", "id": "id"}


def parse(text: str) -> FilterNode:
    """Return the syntax tree of the filter.

    :raises InvalidFilterException: if it exceeds a limit or is not a valid filter.
    """
    reason = limit_exceeded(text)
    if reason is not None:
        raise InvalidFilterException(filter=text, detail=f"The filter {reason}.")
    sound = _STRINGS.sub(_with_sound_escapes(text), text)
    try:
        return ScimFilter(sound).ast
    except InvalidFilterException as error:
        if (quoted := _with_quotes(sound)) != sound:
            return ScimFilter(quoted).ast
        raise InvalidFilterException(
            filter=text, detail=f"The filter cannot be read: {error.detail}."
        ) from error


def _with_sound_escapes(text: str) -> Callable[[re.Match[str]], str]:
    r"""Return a function that doubles the single backslashes in a string of the filter.

    Windows names are sent as "LARCH\bob" with one backslash (scim2-parse-filter #110), which
    JSON reads as a backspace. Escapes of line breaks and tabs are kept only if the filter
    compares an attribute that can contain several lines.
    """
    meant = '"\\/' + ("nrt" if _LINES.search(text) else "")

    def escape(found: re.Match[str]) -> str:
        is_sound = found[1] in meant or _CODE_POINT.match(found[0])
        return found[0] if is_sound else f"\\{found[0]}"

    return lambda string: _ESCAPE.sub(escape, string[0]) if "\\" in string[0] else string[0]


def _with_quotes(text: str) -> str:
    """Add the missing quotes around values (authentik 2025.8: #16455, #16677)."""
    outside = _STRINGS.split(text)
    strings = _STRINGS.findall(text)
    outside = [
        _UNQUOTED.sub(lambda found: f"{found[1]} {json.dumps(found[2])}", part) for part in outside
    ]
    return "".join(part + string for part, string in zip(outside, [*strings, ""], strict=True))


def lookup(text: str) -> tuple[str, str] | None:
    """Return the attribute and the value of a filter that looks up one resource, else None.

    Such a filter only compares `userName`, `externalId` or `id` by `eq`.
    """
    match = _LOOKUP.fullmatch(text)
    if match is None or len(text) > MAX_LENGTH:
        return None
    return _LOOKUP_NAMES[match[1].lower()], match[2]


def limit_exceeded(text: str, most_terms: int = MAX_TERMS) -> str | None:
    """Return which limit a filter, or a path with a filter, exceeds, or None if it exceeds none."""
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    structure = _STRINGS.sub('""', text)
    if len(_OPENING.findall(structure)) > MAX_DEPTH and _depth(structure) > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} levels deep"
    if len(_JOINS.findall(structure)) >= most_terms:
        return f"has more than {most_terms} terms"
    return None


def _depth(structure: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(structure):
        depth += 1 if bracket in "([" else -1
        deepest = max(deepest, depth)
    return deepest
