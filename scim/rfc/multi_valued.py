"""Split the multi-valued attributes of a document into case-folded rows for filters.

`filter_query` searches these rows and must fold text in the same way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from people.values import normalize_key
from scim.rfc.resource_types import USER_SCHEMA
from scim.rfc.strict_json import Json

# The length of the key columns; an index entry of PostgreSQL has a maximum size.
MAX_KEY_LENGTH = 512

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
    """Tell whether the multi-valued attributes of two documents are equal."""
    names = (attribute.name for attribute in _MULTIPLE)
    return all(document.get(name) == other.get(name) for name in names)


def elements_of(document: Json) -> Iterator[Element]:
    for attribute in _MULTIPLE:
        for element in document.get(attribute.name, ()):
            folded = {
                name: normalize_key(value) if isinstance(value, str) else value
                for name, value in element.items()
            }
            yield Element(attribute.name, folded, key(element.get("value", "")))


def key(text: str) -> str:
    """Return the case-folded text, cut to the length of a key column."""
    return normalize_key(text)[:MAX_KEY_LENGTH]
