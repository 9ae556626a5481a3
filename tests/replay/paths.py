"""Paths in a document: `a.b`, `'quoted.key'.b`, `a[0]`, `a[type=work].value`, `a.#`.

`a.#` is the length of a; `$` is the whole document.
"""

import re
from collections.abc import Sized
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

TOKEN = re.compile(r"'((?:[^'\\]|\\.)*)'|\[([^\]]*)\]|([^.\[\]']+)|\.")


class Missing(Enum):
    MISSING = "<missing>"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True)
class Key:
    name: str

    def get_from(self, node: Any) -> Any:
        return node.get(self.name, MISSING) if isinstance(node, dict) else MISSING

    def remove_from(self, node: Any) -> None:
        if isinstance(node, dict):
            node.pop(self.name, None)


@dataclass(frozen=True)
class Index:
    number: int

    def get_from(self, node: Any) -> Any:
        return node[self.number] if self._exists(node) else MISSING

    def remove_from(self, node: Any) -> None:
        if self._exists(node):
            del node[self.number]

    def _exists(self, node: Any) -> bool:
        return isinstance(node, list) and -len(node) <= self.number < len(node)


@dataclass(frozen=True)
class Select:
    key: str
    wanted: str

    def get_from(self, node: Any) -> Any:
        items = node if isinstance(node, list) else []
        return next((item for item in items if self._is(item)), MISSING)

    def remove_from(self, node: Any) -> None:
        if isinstance(node, list):
            node[:] = [item for item in node if not self._is(item)]

    def _is(self, item: Any) -> bool:
        return isinstance(item, dict) and self.key in item and text(item[self.key]) == self.wanted


@dataclass(frozen=True)
class Length:
    def get_from(self, node: Any) -> Any:
        if node is None:
            return 0
        return len(node) if isinstance(node, Sized) else MISSING

    def remove_from(self, node: Any) -> None:
        raise ValueError("a length cannot be removed")


Part = Key | Index | Select | Length


def get(document: Any, path: str) -> Any:
    """Return the value at the path, or MISSING."""
    node = document
    for part in parts(path):
        node = part.get_from(node)
    return node


def drop(document: Any, path: str) -> None:
    *parents, last = parts(path)
    node = document
    for part in parents:
        node = part.get_from(node)
    last.remove_from(node)


def parts(path: str) -> list[Part]:
    found = [] if path == "$" else TOKEN.finditer(path)
    return [_part(match) for match in found if match[0] != "."]


def _part(match: re.Match[str]) -> Part:
    quoted, bracket, plain = match.groups()
    if quoted is not None:
        return Key(quoted)
    if bracket is None:
        return Length() if plain == "#" else Key(plain)
    if re.fullmatch(r"-?\d+", bracket):
        return Index(int(bracket))
    key, _, wanted = bracket.partition("=")
    return Select(key.strip(), wanted.strip().strip("'"))


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
