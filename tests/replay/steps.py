"""A trace: one JSON object a line, each one request and what its answer must be.

idp, flow, step    labels; variables live as long as one flow of one file
method, path       the path is appended to the base URL exactly as written
headers            more request headers; null takes a default one away
body               object or array: JSON; string: sent as it is; absent: none
expect.status      the status codes that are right
expect.headers     {name: matcher}      not asked of a 204
expect.json        {path: matcher}      not asked of a 204
expect.absent      paths that must have no value      not asked of a 204
save               {variable: path}
soft               a mismatch is a warning, not a failure
tags               labels to choose by
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
