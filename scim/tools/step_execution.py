"""One step of the self-test: send its request, compare the answer, and store the result.

Each step is stored when it ends, so that the page can show the progress.
"""

import json
from time import monotonic
from typing import Any

from scim.connections.presets import PRESETS
from scim.connections.presets.steps import Step
from scim.models import SelfTest
from scim.rfc.strict_json import Json
from scim.tools import public_http
from scim.tools.public_http import Answer, Unreachable

MAX_TEXT_LENGTH = 4000


def run_step(test: SelfTest, step: Step, token: str) -> Json:
    """Send the request of the step, store the result, and return the answer's document.

    :raises Unreachable: if the public address does not answer, or is not this Ramp.
    """
    headers = {**PRESETS[test.provider].headers, "Authorization": f"Bearer {step.token or token}"}
    if step.body is None:
        headers.pop("Content-Type")
    began = monotonic()
    try:
        answer = public_http.send(step.method, step.path, body=step.body, headers=headers)
    except Unreachable:
        # The page also shows the step that got no answer.
        _record_step(test, step, None, monotonic() - began)
        raise
    _record_step(test, step, answer, monotonic() - began)
    # The other steps would fail one after the other if another server answers.
    if len(test.steps) == 1:
        _check_is_ours(answer)
    return answer.document


def _check_is_ours(answer: Answer) -> None:
    """Check by the first answer that the public address leads to this installation.

    :raises Unreachable: if it does not.
    """
    if not answer.is_scim:
        kind = answer.media_type.partition(";")[0] or "nothing"
        raise Unreachable(
            f"The server that answered is not Ramp: {answer.status} with {kind}. Check where the "
            "address and the proxy in front of it lead."
        )
    if answer.status == 401:
        raise Unreachable(
            "Ramp answered, but it does not know the token that was just created. Check whether "
            "the address leads to another installation or database, and whether the proxy "
            "passes on the Authorization header."
        )


def _record_step(test: SelfTest, step: Step, answer: Answer | None, seconds: float) -> None:
    document = answer.document if answer else {}
    got = {path: _value_at(document, path) for path in step.expected}
    passed = answer is not None and answer.status in step.status and got == dict(step.expected)
    text = _pretty_json(document) or (answer.body.decode("utf-8", "replace") if answer else "")
    test.steps.append(
        {
            "title": step.title,
            "request": f"{step.method} {step.path}",
            "sent": _pretty_json(step.body),
            "expected": _format_result(" or ".join(map(str, step.status)), step.expected),
            "got": _format_result(str(answer.status), got) if answer else "no answer",
            # PostgreSQL cannot store NUL.
            "answer": text[:MAX_TEXT_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "passed": passed,
            "ms": round(seconds * 1000),
        }
    )
    test.save(update_fields=["steps"])


def _value_at(document: Json, path: str) -> Any:
    """Return the value at the dotted path, or None."""
    value: Any = document
    for name in path.split("."):
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return value


def _format_result(status: str, values: Any) -> str:
    texts = [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return ", ".join([status, *texts])


def _pretty_json(document: Json | None) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False) if document else ""
    return text[:MAX_TEXT_LENGTH]
