"""A trace: each line is a JSON object with one request and the expected answer.

idp, flow, step    labels; variables are valid within one flow of one file
method, path       the path is appended to the base URL exactly as written
headers            additional request headers; null removes a default one
body               object or array: JSON; string: sent as it is; absent: none
expect.status      the accepted status codes
expect.headers     {name: matcher}      not checked for 204
expect.json        {path: matcher}      not checked for 204
expect.absent      paths that must have no value      not checked for 204
save               {variable: path}
soft               a mismatch is a warning, not a failure
tags               labels for selecting steps
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.replay.paths import MISSING


@dataclass(frozen=True, kw_only=True)
class Step:
    at: str
    idp: str
    src: str = ""
    flow: str
    name: str
    method: str
    path: str
    headers: dict[str, str | None] = field(default_factory=dict)
    body: Any = MISSING
    expect: dict[str, Any] = field(default_factory=dict)
    save: dict[str, str] = field(default_factory=dict)
    soft: bool = False
    tags: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.at} [{self.idp}] {self.flow} / {self.name}"


def load(trace: Path) -> list[Step]:
    return list(_steps(trace))


def _steps(trace: Path) -> Iterator[Step]:
    with trace.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                fields = json.loads(line)
                fields["tags"] = frozenset(fields.get("tags", ()))
                yield Step(at=f"{trace}:{number}", name=fields.pop("step"), **fields)
