"""Short request sequences that providers are known to send, with the expected results.

Each line of tests/traces/field/cases.jsonl is a case: `provider` is the kind of the connection,
`source` tells where the case was reported, `steps` have the format of a trace, and `person` has
the expected fields of a person afterwards.
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


def _case(at: str, fields: dict[str, Any]) -> FieldCase:
    labels = {"at": at, "idp": fields["provider"], "flow": fields["name"]}
    steps = [
        Step(name=str(number), **labels, **one) for number, one in enumerate(fields["steps"], 1)
    ]
    return FieldCase(**fields | {"steps": steps})
