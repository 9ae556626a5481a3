"""The self-test: a provider's requests, sent to our own public address.

No request is sent inside a transaction, because the web process that answers it uses the same
database.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.values import Actor
from scim.connections.presets import PRESETS
from scim.connections.presets.steps import MissingValue, SampleUsers
from scim.models import Connection, SelfTest
from scim.tools import sandboxes
from scim.tools.public_http import Unreachable
from scim.tools.step_execution import run_step
from scim.tools.suites import SUITES

log = logging.getLogger(__name__)

TASK = "scim.tasks.run_self_test"
# Longer than CELERY_TASK_TIME_LIMIT, so a test that is not finished by then has no worker.
MAX_LENGTH = timedelta(minutes=3)
# The page lists as many runs.
KEPT = 10


class AlreadyRunning(Exception):
    def __init__(self) -> None:
        super().__init__("A self-test is already running. Wait until it finishes.")


@transaction.atomic
def start(connection: Connection, provider: str, *, suite: str = "", actor: Actor) -> SelfTest:
    """Start a self-test of the connection in a worker.

    It sends the usual requests of the provider, or those of a published suite of `tools.suites`.

    :raises AlreadyRunning: if another test of the tenant is running.
    """
    now = timezone.now()
    end_overdue(as_of=now)
    # If two start at once, the second one sees the first one's test.
    Tenant.objects.select_for_update().get(pk=connection.tenant_id)
    tests = SelfTest.objects.order_by("-started_at")
    if tests.filter(finished_at=None).exists():
        raise AlreadyRunning
    # One less than is kept, because the new test follows.
    SelfTest.objects.filter(pk__in=[test.pk for test in tests[KEPT - 1 :]]).delete()
    test = SelfTest.objects.create(
        tenant_id=connection.tenant_id,
        provider=provider,
        suite=suite,
        started_by=str(actor),
        started_at=now,
    )
    # After the commit, because the worker reads the row.
    transaction.on_commit(lambda: _send(test, connection))
    return test


def _send(test: SelfTest, connection: Connection) -> None:
    jobs = {"self_test_id": str(test.pk), "connection_id": str(connection.pk)}
    try:
        current_app.send_task(TASK, kwargs=jobs, retry=False)
    except Exception as error:  # Each kind of broker raises its own exceptions.
        log.warning("No broker takes the self-test: %s", error)
        _finish(test, "The job queue is not responding, so no worker can run the test.")


def run(self_test_id: UUID, connection_id: UUID) -> None:
    """Run a test that was started, unless it has ended."""
    with tenancy.across_tenants():
        test = SelfTest.objects.get(pk=self_test_id)
        connection = Connection.objects.select_related("tenant").get(pk=connection_id)
    if test.finished_at:
        return
    # If its worker died, the job is delivered again and starts from the beginning.
    test.steps = []
    with tenancy.use(test.tenant_id), _finishing(test):
        token = sandboxes.connect(connection, test.provider, is_certifying=bool(test.suite))
        try:
            _run_steps(test, connection, token)
        finally:
            sandboxes.revoke(token)


@contextmanager
def _finishing(test: SelfTest) -> Iterator[None]:
    problem = "An internal error occurred. See the log of the worker."
    try:
        yield
    except (Unreachable, MissingValue) as error:
        problem = str(error)
    except SoftTimeLimitExceeded:
        problem = "It took longer than 90 seconds. Every response should arrive within one second."
    else:
        problem = ""
    finally:
        _finish(test, problem)


def _run_steps(test: SelfTest, connection: Connection, token: str) -> None:
    """Run the steps, each of which may use values of earlier responses.

    :raises Unreachable: if the public address does not answer, or is not this Ramp.
    :raises MissingValue: if a response lacks a value that the next step needs.
    """
    if test.suite:
        make_steps = SUITES[test.suite].steps
    else:
        usual_steps = PRESETS[test.provider].self_test_steps
        assert usual_steps, "The form offers no provider without a self-test."
        make_steps = usual_steps
    steps = make_steps(SampleUsers(secrets.token_hex(3), connection.mapping))
    step = next(steps)
    while True:
        answer = run_step(test, step, token)
        try:
            step = steps.send(answer)
        except StopIteration:
            return


def _finish(test: SelfTest, problem: str) -> None:
    test.finished_at, test.problem = timezone.now(), problem
    test.save(update_fields=["finished_at", "problem"])


def end_overdue(*, as_of: datetime) -> int:
    """End the tests whose worker has died, and revoke their tokens; return how many."""
    overdue = as_of - MAX_LENGTH
    sandboxes.revoke_overdue(made_before=overdue)
    with tenancy.across_tenants():
        unfinished = SelfTest.objects.filter(finished_at=None, started_at__lt=overdue)
        return unfinished.update(
            finished_at=as_of,
            problem="It was interrupted: no worker is running, or the worker was stopped.",
        )
