"""Reads the value of a claim or of a directory attribute: one text, none, or unreadable.

Providers send the same fact in several shapes: as text, as a number, as a list of one text, such as
Keycloak's multivalued mappers and Entra's `email`, or as an object such as `{"formatted": …}`.
Every other shape is unreadable. A caller treats an unreadable value as unknown, never as blank.
"""

from dataclasses import dataclass
from typing import Any, Final

from provisioning.claims import readable

# Python refuses to print longer numbers, and no identifier is that long.
MAX_NUMBER: Final = 10**30
# Levels of lists and objects within a claim. Providers need two.
MAX_DEPTH: Final = 6


@dataclass(frozen=True)
class Unreadable:
    """A value that cannot be used. `why` completes a sentence such as “The claim “name” …”."""

    why: str


def read_text(value: Any, depth: int = 0) -> str | Unreadable:
    """Return the one text of the value, without blanks around it; blank if there is none."""
    match value:
        case None:
            return ""
        case str():
            return readable(value).strip()
        case int() if is_number(value):
            return str(value)
        case {"value": inner} | {"formatted": inner} if depth < MAX_DEPTH:
            return read_text(inner, depth + 1)
        case list() if depth < MAX_DEPTH:
            return _only_text(value, depth)
    return Unreadable(f"is {kind_of(value)}, not text")


def read_truth(value: Any) -> bool | None:
    """Return whether the value means true; None if there is no value.

    Everything that does not clearly mean true counts as false: 0, "0", "false", an empty list.
    """
    match value:
        case None:
            return None
        case bool():
            return value
        case [only]:
            return bool(read_truth(only))
        case str():
            return value.strip().casefold() in ("true", "1", "yes")
    return is_number(value) and value == 1


def is_number(value: Any) -> bool:
    """Tell whether the value is a whole number that can be an identifier."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and abs(value) < MAX_NUMBER


def kind_of(value: Any) -> str:
    """Return what the value is in JSON, for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
    return "a number"


def _only_text(values: list[Any], depth: int) -> str | Unreadable:
    texts: set[str] = set()
    for one in values:
        text = read_text(one, depth + 1)
        if isinstance(text, Unreadable):
            return Unreadable(f"is a list with {kind_of(one)} in it, not text")
        texts.add(text)
    texts.discard("")
    return Unreadable("has several values") if len(texts) > 1 else "".join(texts)
