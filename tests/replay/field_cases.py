"""Small conversations that providers are known for, each with what must come of it.

A case a line in tests/traces/field/cases.jsonl: `provider` names the kind of connection,
`source` who reported it, `steps` are those of a trace, and `person` is what must be known of
a person after them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.replay.steps import Step


@dataclass(frozen=True, kw_only=True)
class FieldCase:
    name: str
    provider: str
    source: str
    steps: list[Step]
    person: dict[str, Any] = field(default_factory=dict)


def load_cases(file: Path) -> list[FieldCase]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [
        _case(f"{file.name}:{number}", json.loads(line)) for number, line in enumerate(lines, 1)
    ]


def _case(at: str, said: dict[str, Any]) -> FieldCase:
    labels = {"at": at, "idp": said["provider"], "flow": said["name"]}
    steps = [Step(name=str(number), **labels, **one) for number, one in enumerate(said["steps"], 1)]
    return FieldCase(**said | {"steps": steps})
