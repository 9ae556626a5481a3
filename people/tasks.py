from datetime import datetime
from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

from people import events
from people.mail import sending
from people.operations import daily_counts, digests, guests, sessions
from people.operations.bulk import undo
from people.operations.comparison import job as comparison_job
from people.operations.offboarding import job
from people.operations.spend import idempotency
from people.operations.webhooks import log_retention
from people.operations.webhooks import sending as webhooks

# Less than CELERY_TASK_SOFT_TIME_LIMIT, and short enough that other tasks need not wait long.
DELIVERING_SECONDS = 30
SENDING_SECONDS = 30
TERMINATING_SECONDS = 60
UNDOING_SECONDS = 60
# Short, because mails may wait for the same worker process.
WEBHOOK_SECONDS = 10
COMPARING_SECONDS = 60
DIGESTS_SECONDS = 60


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    """Dispatch and deliver events. When the time is over, another task continues."""
    # In batches: a bulk change records more events than one transaction should dispatch.
    while events.dispatch():
        pass
    if not events.deliver_due(as_of=timezone.now(), seconds=DELIVERING_SECONDS)[1]:
        current_app.send_task("people.tasks.dispatch_events", retry=False)


@shared_task(name="people.tasks.send_mails")
def send_mails(**_: Any) -> None:
    sending.send_due(as_of=timezone.now(), seconds=SENDING_SECONDS)


@shared_task(name="people.tasks.send_webhooks")
def send_webhooks(**_: Any) -> None:
    """Send events to webhook endpoints. When the time is over, another task continues."""
    if not webhooks.send_batch(as_of=timezone.now(), seconds=WEBHOOK_SECONDS)[1]:
        # No retries: if the broker is unavailable, beat starts the task again.
        current_app.send_task("people.tasks.send_webhooks", retry=False)


@shared_task(name="people.tasks.forget_webhook_deliveries")
def forget_webhook_deliveries(**_: Any) -> None:
    log_retention.delete_old_deliveries(as_of=timezone.now())


@shared_task(name="people.tasks.terminate_due")
def terminate_due(*, after: tuple[str, int] | None = None, **_: Any) -> None:
    """Terminate the people who are due. When the time is over, another task continues."""
    place = (datetime.fromisoformat(after[0]), after[1]) if after else None
    now = timezone.now()
    rest = job.run_batch(place, as_of=now, seconds=TERMINATING_SECONDS)[1]
    if rest:
        after = (rest[0].isoformat(), rest[1])
        current_app.send_task("people.tasks.terminate_due", kwargs={"after": after}, retry=False)


@shared_task(name="people.tasks.undo_bulk_changes")
def undo_bulk_changes(**_: Any) -> None:
    """Continue bulk edits and undos. When the time is over, another task continues."""
    if not undo.run_batch(seconds=UNDOING_SECONDS)[1]:
        # No retries: if the broker is unavailable, beat starts the task again.
        current_app.send_task("people.tasks.undo_bulk_changes", retry=False)


@shared_task(name="people.tasks.continue_comparisons")
def continue_comparisons(**_: Any) -> None:
    """Continue the comparisons of lists. When the time is over, another task continues."""
    comparison_job.delete_old(as_of=timezone.now())
    if not comparison_job.run_batch(seconds=COMPARING_SECONDS)[1]:
        # No retries: if the broker is unavailable, beat starts the task again.
        current_app.send_task("people.tasks.continue_comparisons", retry=False)


@shared_task(name="people.tasks.deactivate_guests")
def deactivate_guests(**_: Any) -> None:
    guests.deactivate_due(as_of=timezone.now())


@shared_task(name="people.tasks.delete_expired_sessions")
def delete_expired_sessions(**_: Any) -> None:
    sessions.delete_expired_sessions(as_of=timezone.now())


@shared_task(name="people.tasks.send_digests")
def send_digests(**_: Any) -> None:
    """Enqueue the digests that are due. When the time is over, another task continues."""
    if not digests.send_batch(as_of=timezone.now(), seconds=DIGESTS_SECONDS)[1]:
        # No retries: if the broker is unavailable, beat starts the task again.
        current_app.send_task("people.tasks.send_digests", retry=False)


@shared_task(name="people.tasks.forget_idempotency_keys")
def forget_idempotency_keys(**_: Any) -> None:
    idempotency.forget_idempotency_keys(as_of=timezone.now())


@shared_task(name="people.tasks.count_days")
def count_days(**_: Any) -> None:
    """Count for the charts of the overview. The next run continues when the time is over."""
    daily_counts.count_days(as_of=timezone.now())
