from datetime import datetime
from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

from people import events
from people.mail import sending
from people.operations import guests
from people.operations.bulk import undo
from people.operations.offboarding import job
from people.operations.spend import idempotency

# Less than a job may take, and what another job can wait for.
DELIVERING_SECONDS = 30
SENDING_SECONDS = 30
DEPARTING_SECONDS = 60
UNDOING_SECONDS = 60


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    """Tell subscribers what happened; where time is over, another job goes on."""
    # A bulk change leaves more events than one transaction should hold.
    while events.dispatch():
        pass
    if not events.deliver_due(as_of=timezone.now(), seconds=DELIVERING_SECONDS)[1]:
        current_app.send_task("people.tasks.dispatch_events", retry=False)


@shared_task(name="people.tasks.send_mails")
def send_mails(**_: Any) -> None:
    sending.send_due(as_of=timezone.now(), seconds=SENDING_SECONDS)


@shared_task(name="people.tasks.depart_due")
def depart_due(*, after: tuple[str, int] | None = None, **_: Any) -> None:
    """Terminate whoever is due; where time is over, another job goes on at that place."""
    place = (datetime.fromisoformat(after[0]), after[1]) if after else None
    now = timezone.now()
    rest = job.run_batch(place, as_of=now, seconds=DEPARTING_SECONDS)[1]
    if rest:
        said = (rest[0].isoformat(), rest[1])
        current_app.send_task("people.tasks.depart_due", kwargs={"after": said}, retry=False)


@shared_task(name="people.tasks.undo_mass_changes")
def undo_mass_changes(**_: Any) -> None:
    """Take back whatever somebody has asked for; where time is over, another job goes on."""
    if not undo.run_batch(seconds=UNDOING_SECONDS)[1]:
        current_app.send_task("people.tasks.undo_mass_changes", retry=False)


@shared_task(name="people.tasks.deactivate_guests")
def deactivate_guests(**_: Any) -> None:
    guests.deactivate_due(as_of=timezone.now())


@shared_task(name="people.tasks.forget_idempotency_keys")
def forget_idempotency_keys(**_: Any) -> None:
    idempotency.forget_idempotency_keys(as_of=timezone.now())
