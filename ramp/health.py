"""The health checks /healthz and /readyz."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from ramp import heartbeats, watchdogs

# An older heartbeat is overdue: beat starts a job every few seconds. The supervisor acts earlier.
OVERDUE_SECONDS: Final = 60.0


class NotReady(Exception):
    """Something that requests or jobs need is missing."""


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Return 200 if everything is available, or 503 with what is missing."""
    missing = {}
    for name, check in NEEDED.items():
        try:
            check()
        except Exception as error:
            # Each library raises its own errors, and a probe needs an answer, not a traceback. This
            # page is public, and the text of other errors may contain hosts and account names.
            missing[name] = str(error) if isinstance(error, NotReady) else type(error).__name__
    status: dict[str, Any] = {"status": "not ready" if missing else "ready"}
    if missing:
        status["missing"] = missing
    if settings.SIGNS_OF:
        ages = {name: heartbeats.seconds_since(name) for name in settings.SIGNS_OF}
        status["seconds_since_progress"] = {
            name: None if age is None else round(age, 1) for name, age in ages.items()
        }
    return JsonResponse(status, status=503 if missing else 200)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)


@cache
def _migrations() -> None:
    # Cached once it is true, because a running process never sees migrations reversed.
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady(f"{len(plan)} not applied, the first is {plan[0][0]}")


def _worker() -> None:
    if heartbeats.WORKER in settings.SIGNS_OF and not watchdogs.is_busy():
        _check_progress(heartbeats.WORKER)


def _beat() -> None:
    if heartbeats.BEAT in settings.SIGNS_OF:
        _check_progress(heartbeats.BEAT)


def _check_progress(name: str) -> None:
    age = heartbeats.seconds_since(name)
    if age is None:
        raise NotReady("has not started")
    if age > OVERDUE_SECONDS:
        raise NotReady(f"no progress for {age:.0f} s")


NEEDED: Final[dict[str, Callable[[], None]]] = {
    "database": _database,
    "broker": _broker,
    "migrations": _migrations,
    "worker": _worker,
    "beat": _beat,
}
