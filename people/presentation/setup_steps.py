"""The setup steps at a provider, in parts: text, names of buttons and fields, and literal values.

In a step, a name is between *asterisks*, and a value to enter is between `backticks`. A value may
contain asterisks, such as the regular expression `.*`.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

MARKED: Final = re.compile(r"`(?P<literal>[^`]+)`|\*(?P<name>[^*]+)\*")


class PartKind(StrEnum):
    TEXT = "text"
    NAME = "name"
    LITERAL = "literal"


class Part(NamedTuple):
    kind: PartKind
    text: str


def parts_of(step: str) -> list[Part]:
    """Split the step into its parts, without the marks."""
    parts, end = [], 0
    for found in MARKED.finditer(step):
        parts.append(Part(PartKind.TEXT, step[end : found.start()]))
        parts.append(Part(PartKind(found.lastgroup or ""), found[found.lastindex or 0]))
        end = found.end()
    parts.append(Part(PartKind.TEXT, step[end:]))
    return [part for part in parts if part.text]
