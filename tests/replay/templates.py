"""Replace `{{name}}` in a step by a saved value; `{{name|q}}` percent-encodes it.

A string that consists of `{{name}}` becomes the saved value itself, which may be a list or an
object. `{{uuid}}` is a new UUID each time.
"""

import copy
import json
import re
import urllib.parse
import uuid
from typing import Any

from tests.replay import paths

VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)(\|q)?\s*\}\}")

Variables = dict[str, Any]


class NeverSaved(Exception):
    """A step needs a value that no earlier step has saved."""


def fill(value: Any, variables: Variables) -> Any:
    """Return the value with its variables filled in.

    :raises NeverSaved: if there is no such variable.
    """
    match value:
        case str():
            return _fill_text(value, variables)
        case list():
            return [fill(item, variables) for item in value]
        case dict():
            return {fill(key, variables): fill(item, variables) for key, item in value.items()}
    return value


def body(template: Any, variables: Variables) -> Any:
    """Build a request body; `$base` is a saved answer to start from, without its `$drop` paths."""
    if not isinstance(template, dict) or "$base" not in template:
        return fill(template, variables)
    base = _value_of(template["$base"], variables)
    for path in template.get("$drop", []):
        paths.drop(base, fill(path, variables))
    rest = {key: value for key, value in template.items() if key not in ("$base", "$drop")}
    return _merge(base, fill(rest, variables))


def _fill_text(value: str, variables: Variables) -> Any:
    whole = VARIABLE.fullmatch(value)
    if whole and not whole[2]:
        return _value_of(whole[1], variables)
    return VARIABLE.sub(lambda match: _as_text(match, variables), value)


def _as_text(match: re.Match[str], variables: Variables) -> str:
    value = _value_of(match[1], variables)
    text = value if isinstance(value, str) else json.dumps(value)
    return urllib.parse.quote(text, safe="") if match[2] else text


def _value_of(name: str, variables: Variables) -> Any:
    if name == "uuid":
        return str(uuid.uuid4())
    if name not in variables:
        raise NeverSaved(name)
    return copy.deepcopy(variables[name])


def _merge(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
    return base
