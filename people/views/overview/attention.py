"""What needs attention in `people`: bulk changes, webhooks, streams and terminations."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone

from people.models import BulkChange, Tenant, WebhookEndpoint
from people.presentation.attention import AttentionRows, Severity
from people.views.bulk.alerts import undecided_alerts
from people.views.offboarding.schedule_list import blocked_soon, failed_terminations

# A server that restarts or is overloaded for a while needs nobody.
WEBHOOKS_FAIL_FOR: Final = timedelta(hours=1)


def attention_items(tenant: Tenant) -> Iterator[AttentionRows]:
    yield AttentionRows(
        rows=BulkChange.objects.undecided(),
        time="began_at",
        code="bulk-changes",
        severity=Severity.ERROR,
        singular="bulk deactivation waits for a decision",
        plural="bulk deactivations wait for a decision",
        action="Keep or restore",
        url=reverse("admin:bulk_changes"),
        of_one=_bulk_change,
    )
    yield from _failing_receivers()
    # While auto-termination is off, nobody is due.
    if tenant.auto_terminate_days is not None:
        yield from _terminations()


def _failing_receivers() -> Iterator[AttentionRows]:
    failing = WebhookEndpoint.objects.failing(timezone.now() - WEBHOOKS_FAIL_FOR)
    yield AttentionRows(
        rows=failing.hooks(),
        time="failing_since",
        code="failing-webhooks",
        severity=Severity.WARNING,
        singular="webhook endpoint does not accept events",
        plural="webhook endpoints do not accept events",
        action="View the endpoint",
        url=reverse("admin:webhooks"),
    )
    yield AttentionRows(
        rows=failing.filter(stream__isnull=False),
        time="failing_since",
        code="failing-signal-streams",
        severity=Severity.WARNING,
        singular="signal stream does not accept security events",
        plural="signal streams do not accept security events",
        action="View the stream",
        url=reverse("admin:signal_streams"),
    )


def _terminations() -> Iterator[AttentionRows]:
    terminations = reverse("admin:scheduled_terminations")
    yield AttentionRows(
        rows=failed_terminations(),
        time="due_at",
        code="failed-terminations",
        severity=Severity.ERROR,
        singular="scheduled termination failed",
        plural="scheduled terminations failed",
        action="View the reason",
        url=f"{terminations}?show=failed",
    )
    yield AttentionRows(
        rows=blocked_soon(),
        code="blocked-terminations",
        severity=Severity.WARNING,
        singular="termination is due within 7 days and blocked",
        plural="terminations are due within 7 days and blocked",
        action="Resolve blockers",
        url=f"{terminations}?show=blocked-soon",
    )


def _bulk_change() -> tuple[str, str] | None:
    """Return the text and the page of the only bulk change."""
    for alert in undecided_alerts():
        return alert.text, reverse("admin:bulk_change", args=[alert.id])
    return None
