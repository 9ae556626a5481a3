"""What a load balancer and a deployment ask before they send anybody here."""

from collections.abc import Callable
from functools import cache
from typing import Final

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


class NotReady(Exception):
    """Something that people's requests or jobs need is missing."""


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when everything needed is there, or 503 and what is missing."""
    missing = {}
    for name, check in NEEDED.items():
        try:
            check()
        except Exception as error:
            missing[name] = _in_brief(error)
    if missing:
        return JsonResponse({"status": "not ready", "missing": missing}, status=503)
    return JsonResponse({"status": "ready"})


def _in_brief(error: Exception) -> str:
    # The text of other errors may name hosts and accounts, and anybody may ask us.
    return str(error) if isinstance(error, NotReady) else f"{type(error).__name__}"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)


@cache
def _migrations() -> None:
    # Remembered once it holds: a process never sees its own migrations undone.
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady(f"{len(plan)} not applied, the first is {plan[0][0]}")


NEEDED: Final[dict[str, Callable[[], None]]] = {
    "database": _database,
    "broker": _broker,
    "migrations": _migrations,
}
