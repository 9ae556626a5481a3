"""The metrics of /metrics, in the format of Prometheus.

Counters of requests live in files of the supervisor's folder, one for each process, which
prometheus_client adds up. What is in the database or the broker is read for each scrape, with a
fixed number of queries over small indexes.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from people import tenancy
from people.models import Delivery, Event, Installation, Mail
from people.models.deliveries import STUCK_ATTEMPTS
from ramp import heartbeats, watchdogs

REQUESTS: Final = Counter(
    "ramp_requests", "Requests, by interface and class of the status.", ["interface", "status"]
)
SECONDS: Final = Histogram(
    "ramp_request_seconds",
    "How long requests took.",
    ["interface"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SCIM_REQUESTS: Final = Counter(
    "ramp_scim_requests",
    "SCIM requests, by connection (blank without a valid token) and outcome.",
    ["connection", "outcome"],
)

Respond = Callable[[HttpRequest], HttpResponse]
TOO_MANY: Final = 429


class MetricsMiddleware:
    """Counts and times requests, if anybody may read the metrics."""

    def __init__(self, respond: Respond) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.respond(request)
        interface, status = _interface(request.path_info), response.status_code
        SECONDS.labels(interface).observe(time.perf_counter() - began)
        REQUESTS.labels(interface, f"{status // 100}xx").inc()
        if interface == "scim":
            outcome = "refused" if status >= 400 else "accepted"
            if status >= 500:
                outcome = "failed"
            elif status == TOO_MANY:
                outcome = "limited"
            SCIM_REQUESTS.labels(getattr(request, "scim_connection_id", ""), outcome).inc()
        return response


def _interface(path: str) -> str:
    first = path.split("/", 2)[1] if "/" in path else ""
    if first in ("healthz", "readyz", "metrics"):
        return "probe"
    return first if first in ("scim", "api", "static") else "page"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics of this machine to the holder of METRICS_TOKEN."""
    if not settings.METRICS_TOKEN:
        return HttpResponseNotFound()
    presented = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not constant_time_compare(presented, settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(InstallationCollector())
    body = generate_latest(registry)
    if settings.METRICS_DIR:
        processes = CollectorRegistry()
        MultiProcessCollector(processes, settings.METRICS_DIR)  # type: ignore[no-untyped-call]
        body += generate_latest(processes)
    else:
        body += generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


class InstallationCollector(Collector):
    """Reads what is in the database, the broker and the heartbeats."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("ramp_up", "1 if this part answers, else 0.", labels=["part"])
        try:
            yield from _of_database()
            up.add_metric(["database"], 1)
        except DatabaseError:
            up.add_metric(["database"], 0)
        try:
            waiting = watchdogs.waiting_jobs()
            yield GaugeMetricFamily("ramp_queue_jobs", "Jobs that no worker has taken.", waiting)
            up.add_metric(["broker"], 1)
        except Exception:
            # kombu lets the exceptions of the broker's client library pass.
            up.add_metric(["broker"], 0)
        yield up
        progress = GaugeMetricFamily(
            "ramp_seconds_since_progress",
            "Seconds since the worker or beat of this machine made progress.",
            labels=["program"],
        )
        for name in settings.SIGNS_OF:
            age = heartbeats.seconds_since(name)
            if age is not None:
                progress.add_metric([name], age)
        yield progress


def _of_database() -> Iterator[Metric]:
    now = timezone.now()
    with tenancy.across_tenants():
        mails = (
            Mail.objects.waiting().order_by().aggregate(waiting=Count("pk"), oldest=Min("due_at"))
        )
        given_up = Mail.objects.given_up().filter(given_up_at__gt=now - timedelta(days=1)).count()
        events = Event.objects.filter(dispatched_at=None).aggregate(
            waiting=Count("pk"), oldest=Min("happened_at")
        )
        is_stuck = Q(attempts__gte=STUCK_ATTEMPTS) & ~Q(problem="")
        deliveries = Delivery.objects.order_by().aggregate(
            waiting=Count("pk"), stuck=Count("pk", filter=is_stuck)
        )
    held = Installation.current().held_since is not None
    gauges: dict[str, tuple[str, float]] = {
        "ramp_mails_waiting": ("Emails that are not sent yet.", mails["waiting"]),
        "ramp_mail_overdue_seconds": (
            "For how long the oldest email has been due.",
            _age(mails["oldest"], now),
        ),
        "ramp_mails_given_up_last_day": ("Emails given up within 24 hours.", given_up),
        "ramp_events_waiting": ("Events that are not dispatched yet.", events["waiting"]),
        "ramp_event_waiting_seconds": (
            "How long the oldest event has waited to be dispatched.",
            _age(events["oldest"], now),
        ),
        "ramp_deliveries_waiting": (
            "Events that a subscriber has not acknowledged.",
            deliveries["waiting"],
        ),
        "ramp_deliveries_stuck": ("Those that failed several times.", deliveries["stuck"]),
        "ramp_held": ("1 while jobs and emails are held after a restore.", float(held)),
    }
    for name, (text, value) in gauges.items():
        yield GaugeMetricFamily(name, text, value)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
