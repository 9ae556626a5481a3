"""The self-test: a provider's usual requests, asked of our own public address.

Each step is stored as it ends, so that a page can show how far the test has come. Nothing
is asked while a transaction is open, for the web process that answers needs the database.
"""

import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.values import Actor
from scim.connections.presets import PRESETS
from scim.connections.presets.steps import Cast, CutShort, Step
from scim.models import Connection, SelfTest
from scim.rfc.strict_json import Json
from scim.tools import public_http, sandboxes
from scim.tools.public_http import Answer, Unreachable

log = logging.getLogger(__name__)

TASK = "scim.tasks.run_self_test"
# No job lives longer, so by then nobody works on it any more.
LONGEST = timedelta(minutes=3)
KEPT = 10
LONGEST_TEXT = 4000


class AlreadyRunning(Exception):
    def __init__(self) -> None:
        super().__init__("A self-test is already running. Wait until it finishes.")


@transaction.atomic
def start(connection: Connection, provider: str, *, actor: Actor) -> SelfTest:
    """Have a worker test the connection as the provider would ask.

    :raises AlreadyRunning: if one of the tenant's tests has not ended.
    """
    now = timezone.now()
    end_overdue(as_of=now)
    # If two start at once, the second one sees the first one's test.
    Tenant.objects.select_for_update().get(pk=connection.tenant_id)
    tests = SelfTest.objects.order_by("-started_at")
    if tests.filter(finished_at=None).exists():
        raise AlreadyRunning
    SelfTest.objects.filter(pk__in=[test.pk for test in tests[KEPT - 1 :]]).delete()
    test = SelfTest.objects.create(
        tenant_id=connection.tenant_id,
        provider=provider,
        started_by=str(actor),
        started_at=now,
    )
    transaction.on_commit(lambda: _send(test, connection))
    return test


def _send(test: SelfTest, connection: Connection) -> None:
    jobs = {"self_test_id": str(test.pk), "connection_id": str(connection.pk)}
    try:
        current_app.send_task(TASK, kwargs=jobs, retry=False)
    except Exception as error:  # What a broker raises is the broker's own.
        log.warning("No broker takes the self-test: %s", error)
        _finish(test, "The job queue is not responding, so no worker can run the test.")


def run(self_test_id: UUID, connection_id: UUID) -> None:
    """Run the test that was started; one that has ended is left as it is."""
    with tenancy.across_tenants():
        test = SelfTest.objects.get(pk=self_test_id)
        connection = Connection.objects.select_related("tenant").get(pk=connection_id)
    if test.finished_at:
        return
    # A job that comes back after its worker died begins again.
    test.steps = []
    with tenancy.use(test.tenant_id), _finishing(test), _token(connection, test) as token:
        _rehearse(test, connection, token)


@contextmanager
def _finishing(test: SelfTest) -> Iterator[None]:
    problem = "An internal error occurred. See the log of the worker."
    try:
        yield
    except (Unreachable, CutShort) as error:
        problem = str(error)
    except SoftTimeLimitExceeded:
        problem = "It took longer than 90 seconds. Every response should arrive within one second."
    else:
        problem = ""
    finally:
        _finish(test, problem)


@contextmanager
def _token(connection: Connection, test: SelfTest) -> Iterator[str]:
    token = sandboxes.connect(connection, test.provider)
    try:
        yield token
    finally:
        sandboxes.end(token)


def _rehearse(test: SelfTest, connection: Connection, token: str) -> None:
    """Go through the steps.

    :raises Unreachable, CutShort: if it cannot go on.
    """
    rehearse = PRESETS[test.provider].rehearse
    assert rehearse, "The form offers no provider without a self-test."
    rehearsal = rehearse(Cast(secrets.token_hex(3), connection.mapping))
    step = next(rehearsal)
    while True:
        answer = _take(test, step, token)
        try:
            step = rehearsal.send(answer)
        except StopIteration:
            return


def _take(test: SelfTest, step: Step, token: str) -> Json:
    headers = {**PRESETS[test.provider].headers, "Authorization": f"Bearer {step.token or token}"}
    if step.body is None:
        headers.pop("Content-Type")
    began = monotonic()
    try:
        answer = public_http.ask(step.method, step.path, body=step.body, headers=headers)
    except Unreachable:
        _remember(test, step, None, monotonic() - began)
        raise
    _remember(test, step, answer, monotonic() - began)
    if len(test.steps) == 1:
        _check_is_ours(answer)
    return answer.document


def _check_is_ours(answer: Answer) -> None:
    """See from the first answer that it was us who gave it.

    :raises Unreachable: if it was not.
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


def _remember(test: SelfTest, step: Step, answer: Answer | None, seconds: float) -> None:
    said = answer.document if answer else {}
    got = {path: _at(said, path) for path in step.says}
    passed = answer is not None and answer.status in step.status and got == dict(step.says)
    test.steps.append(
        {
            "title": step.title,
            "request": f"{step.method} {step.path}",
            "sent": _shown(step.body),
            "expected": _told(" or ".join(map(str, step.status)), step.says),
            "got": _told(str(answer.status), got) if answer else "no answer",
            "answer": _text(answer),
            "passed": passed,
            "ms": round(seconds * 1000),
        }
    )
    test.save(update_fields=["steps"])


def _at(document: Json, path: str) -> Any:
    """Return what stands at a dotted path, or None."""
    held: Any = document
    for name in path.split("."):
        if isinstance(held, list) and name.isdigit() and int(name) < len(held):
            held = held[int(name)]
        elif isinstance(held, dict):
            held = held.get(name)
        else:
            return None
    return held


def _told(status: str, values: Any) -> str:
    said = [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return ", ".join([status, *said])


def _shown(document: Json | None) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False) if document else ""
    return text[:LONGEST_TEXT]


def _text(answer: Answer | None) -> str:
    """Return the answer for people to read; PostgreSQL keeps no NUL."""
    if answer is None:
        return ""
    text = _shown(answer.document) or answer.body.decode("utf-8", "replace")
    return text[:LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _finish(test: SelfTest, problem: str) -> None:
    test.finished_at, test.problem = timezone.now(), problem
    test.save(update_fields=["finished_at", "problem"])


def end_overdue(*, as_of: datetime) -> int:
    """End the tests whose worker has died, and what they left open; return how many."""
    overdue = as_of - LONGEST
    sandboxes.end_all(made_before=overdue)
    with tenancy.across_tenants():
        unfinished = SelfTest.objects.filter(finished_at=None, started_at__lt=overdue)
        return unfinished.update(
            finished_at=as_of,
            problem="It was interrupted: no worker is running, or the worker was stopped.",
        )
