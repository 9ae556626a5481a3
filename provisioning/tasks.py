"""The Celery tasks of sign-in."""

from datetime import datetime
from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

from provisioning.directory import account_checks
from provisioning.shared_signals import job

# Less than CELERY_TASK_SOFT_TIME_LIMIT.
CHECKING_SECONDS = 60


@shared_task(name="provisioning.tasks.check_directories")
def check_directories(*, since: str = "", **_: Any) -> None:
    """Check people in live directories. When the time is over, another task continues."""
    moment = datetime.fromisoformat(since) if since else timezone.now()
    if not account_checks.run_batch(since=moment, seconds=CHECKING_SECONDS)[1]:
        current_app.send_task(
            "provisioning.tasks.check_directories",
            kwargs={"since": moment.isoformat()},
            retry=False,
        )


@shared_task(name="provisioning.tasks.serve_signal_streams")
def serve_signal_streams(**_: Any) -> None:
    """Poll, check and recreate the streams of Shared Signals that are due."""
    job.serve_due(as_of=timezone.now())
