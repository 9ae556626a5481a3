"""Every case that was found in the field has a test.

The replay plays the cases of tests/traces/field/cases.jsonl (`tests/scim/api/test_field_cases.py`).
Cases that are not SCIM conversations have their own tests, which own_tests.jsonl names.
"""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIELD = ROOT / "tests" / "traces" / "field"
# The number of cases in both files.
FOUND = 45


def listed(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIELD / name).read_text(encoding="utf-8").splitlines()]


OWN = listed("own_tests.jsonl")


def test_each_field_case_is_in_exactly_one_file() -> None:
    names = [case["name"] for case in [*listed("cases.jsonl"), *OWN]]

    assert len(names) == FOUND
    assert len(set(names)) == FOUND


@pytest.mark.parametrize("case", OWN, ids=[case["name"] for case in OWN])
def test_named_test_exists(case: dict[str, Any]) -> None:
    file, *names = case["test"].split("::")
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in names:
        [found] = [
            one
            for one in body
            if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name
        ]
        body = found.body
