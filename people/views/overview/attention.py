"""What needs attention in `people`: bulk changes and scheduled terminations."""

from collections.abc import Iterator

from django.urls import reverse

from people.models import BulkChange
from people.presentation.attention import AttentionItem, Severity, counted_items, number, summarize
from people.views.bulk.alerts import undecided_alerts
from people.views.offboarding.schedule_list import blocked_soon, failed_terminations
from people.views.offboarding.schedule_status import days_in_force


def attention_items() -> Iterator[AttentionItem]:
    yield from _bulk_changes()
    # While auto-termination is off, nobody is due.
    if days_in_force() is None:
        return
    terminations = reverse("admin:scheduled_terminations")
    yield from counted_items(
        failed_terminations(),
        "due_at",
        code="failed-terminations",
        severity=Severity.ERROR,
        singular="scheduled termination failed",
        plural="scheduled terminations failed",
        action="View the reason",
        url=f"{terminations}?show=failed",
    )
    yield from counted_items(
        blocked_soon(),
        "due_at",
        code="blocked-terminations",
        severity=Severity.WARNING,
        singular="termination is due within 7 days and blocked",
        plural="terminations are due within 7 days and blocked",
        action="Resolve blockers",
        url=f"{terminations}?show=blocked-soon",
        has_since=False,
    )


def _bulk_changes() -> Iterator[AttentionItem]:
    count, since = summarize(BulkChange.objects.undecided(), "began_at")
    if not count:
        return
    # One at a time is usual, and then the item names it.
    alert = undecided_alerts()[0] if count == 1 else None
    yield AttentionItem(
        code="bulk-changes",
        severity=Severity.ERROR,
        count=count,
        text=alert.text
        if alert
        else f"{number(count)} bulk deactivations wait for a decision. Nobody in them is "
        "terminated before.",
        action="Keep or restore",
        url=reverse("admin:bulk_change", args=[alert.id])
        if alert
        else reverse("admin:bulk_changes"),
        since=since,
    )
