"""Compare values of an answer with the expected values of a trace.

An expected value is a literal, `"*"` (anything but an empty value), or one of: `{"$re"}`,
`{"$in"}`, `{"$type"}`, `{"$len"}`, `{"$gte"}`, `{"$lte"}`, `{"$ci"}` (case-insensitive),
`{"$has"}` and `{"$hasnt"}` (an element), `{"$not"}` (another matcher).
"""

import json
import re
from collections.abc import Callable, Sized
from typing import Any

from tests.replay.paths import MISSING

TYPES = {"int": int, "str": str, "bool": bool, "list": list, "dict": dict}


def matches(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and len(wanted) == 1 and next(iter(wanted)).startswith("$"):
        [(operator, argument)] = wanted.items()
        return _matches_operator(got, operator, argument)
    if wanted == "*":
        return not is_empty(got)
    return type(got) is type(wanted) and bool(got == wanted)


def is_empty(value: Any) -> bool:
    return value is MISSING or value is None or value in ("", [], {})


def shown(value: Any) -> str:
    if value is MISSING:
        return str(MISSING.value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."


def _matches_operator(got: Any, operator: str, argument: Any) -> bool:
    if operator == "$not":
        return not matches(got, argument)
    return got is not MISSING and OPERATORS[operator](got, argument)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_of_type(got: Any, name: str) -> bool:
    return isinstance(got, TYPES[name]) and not (name == "int" and isinstance(got, bool))


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$re": lambda got, wanted: isinstance(got, str) and re.search(wanted, got) is not None,
    "$in": lambda got, wanted: got in wanted,
    "$type": _is_of_type,
    "$len": lambda got, wanted: isinstance(got, Sized) and len(got) == wanted,
    "$gte": lambda got, wanted: _is_number(got) and got >= wanted,
    "$lte": lambda got, wanted: _is_number(got) and got <= wanted,
    "$ci": lambda got, wanted: isinstance(got, str) and got.lower() == wanted.lower(),
    "$has": lambda got, wanted: isinstance(got, list) and wanted in got,
    "$hasnt": lambda got, wanted: isinstance(got, list) and wanted not in got,
}
