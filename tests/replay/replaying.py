"""Send the steps of a trace, and compare the answers with the expected ones."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.replay import paths, templates
from tests.replay.client import Answer, Client
from tests.replay.matchers import is_empty, matches, shown
from tests.replay.paths import MISSING
from tests.replay.steps import Step
from tests.replay.templates import NeverSaved, Variables

DEFAULTS = {
    "EXT": "urn:ietf:params:scim:schemas:extension:ramp:2.0:User",
    "ROLE_TYPE": "rampUserRole",
    "ROLE_ADMIN": "BUSINESS_ADMIN",
    "ROLE_USER": "BUSINESS_USER",
    "ROLE_BOOK": "BUSINESS_BOOKKEEPER",
    "ROLE_IT": "IT_ADMIN",
}


@dataclass(frozen=True)
class Outcome:
    step: Step
    problems: list[str]
    # The values that the flow has saved so far.
    variables: Variables = field(default_factory=dict, repr=False)

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def failed(self) -> bool:
        return bool(self.problems) and not self.step.soft

    def __str__(self) -> str:
        step = self.step
        return f"{step}: {step.method} {step.path[:90]}: {'; '.join(self.problems)}"


def replay(
    client: Client, steps: list[Step], variables: Variables, *, tell: Callable[[str], object]
) -> Iterator[Outcome]:
    """Send each step. Each flow starts with these variables, and saves its own."""
    scopes: dict[str, Variables] = {}
    for step in steps:
        scope = scopes.setdefault(step.flow, DEFAULTS | variables)
        tell(str(step))
        try:
            problems = _send(client, step, scope, tell=tell)
        except NeverSaved as error:
            problems = [f"blocked: {{{{{error}}}}} was never saved"]
        except (OSError, http.client.HTTPException) as error:
            problems = [f"no answer: {error}"]
        yield Outcome(step, problems, scope)


def _send(
    client: Client, step: Step, variables: Variables, *, tell: Callable[[str], object]
) -> list[str]:
    path = templates.fill(step.path, variables)
    payload = _payload(step, variables)
    headers = templates.fill(step.headers, variables)
    answer = client.send(step.method, path, headers, payload)
    tell(f"  > {step.method} {path} {(payload or b'').decode()}")
    tell(f"  < {answer.status} {answer.body.decode('utf-8', 'replace')[:2000]}")
    expected = templates.fill(step.expect, variables)
    document, *problems = _document(answer)
    problems += _mismatches(answer, document, expected)
    return problems + _unsaved(step, document, variables)


def _payload(step: Step, variables: Variables) -> bytes | None:
    if step.body is MISSING:
        return None
    body = templates.body(step.body, variables)
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()


def _document(answer: Answer) -> list[Any]:
    """Return the document of the answer, and the problem if it cannot be read."""
    if not answer.body:
        return [MISSING]
    try:
        return [json.loads(answer.body)]
    except ValueError:
        return [MISSING, f"body is not JSON: {answer.body[:80]!r}"]


def _mismatches(answer: Answer, document: Any, expected: dict[str, Any]) -> Iterator[str]:
    if answer.status not in expected.get("status", [answer.status]):
        detail = paths.get(document, "detail")
        wanted = "/".join(map(str, expected["status"]))
        why = "" if detail is MISSING else f" ({shown(detail)})"
        yield f"status {answer.status}, wanted {wanted}{why}"
    if answer.status != 204:
        yield from _wrong_headers(answer, expected.get("headers", {}))
        yield from _wrong_values(document, expected.get("json", {}))
        yield from _unwanted_values(document, expected.get("absent", []))


def _wrong_headers(answer: Answer, expected: dict[str, Any]) -> Iterator[str]:
    for name, wanted in expected.items():
        got = answer.headers.get(name.lower(), MISSING)
        if not matches(got, wanted):
            yield f"header {name} is {shown(got)}, wanted {shown(wanted)}"


def _wrong_values(document: Any, expected: dict[str, Any]) -> Iterator[str]:
    for where, wanted in expected.items():
        got = paths.get(document, where)
        if not matches(got, wanted):
            yield f"{where} is {shown(got)}, wanted {shown(wanted)}"


def _unwanted_values(document: Any, unwanted: list[str]) -> Iterator[str]:
    for where in unwanted:
        got = paths.get(document, where)
        if not is_empty(got):
            yield f"{where} should have no value, is {shown(got)}"


def _unsaved(step: Step, document: Any, variables: Variables) -> list[str]:
    """Save the values that the step names, and return a problem for each missing one."""
    found = {
        name: paths.get(document, templates.fill(where, variables))
        for name, where in step.save.items()
    }
    variables |= {name: value for name, value in found.items() if value is not MISSING}
    lost = [step.save[name] for name, value in found.items() if value is MISSING]
    return [f"nothing to save at {where}" for where in lost]
