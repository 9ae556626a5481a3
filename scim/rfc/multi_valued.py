"""The multi-valued attributes of a document, taken apart and folded so that rows find them.

`filter_query` asks for what is written here; both fold alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from people.values import normalize_key
from scim.rfc.attributes import USER_SCHEMA
from scim.rfc.strict_json import Json

LONGEST_KEY = 512

_MULTIPLE = [
    attribute for attribute in USER_SCHEMA.attributes if attribute.multiple and attribute.is_written
]


@dataclass(frozen=True)
class Element:
    """One value of a multi-valued attribute: the columns of a `ScimUserElement`."""

    attribute: str
    element: Json
    value_key: str


def have_same(document: Json, other: Json) -> bool:
    """Tell whether both have the same elements, without taking them apart."""
    names = (attribute.name for attribute in _MULTIPLE)
    return all(document.get(name) == other.get(name) for name in names)


def elements_of(document: Json) -> Iterator[Element]:
    for attribute in _MULTIPLE:
        for element in document.get(attribute.name, ()):
            folded = {name: _folded(value) for name, value in element.items()}
            yield Element(attribute.name, folded, key(element.get("value", "")))


def key(text: str) -> str:
    """Return the form under which text is kept in a column to be found by."""
    return normalize_key(text)[:LONGEST_KEY]


def _folded(value: Any) -> Any:
    return normalize_key(value) if isinstance(value, str) else value
