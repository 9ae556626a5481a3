from datetime import datetime
from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

from people import events, mail
from people.operations import departing

# Less than a job may take, and what another job can wait for.
SENDING_SECONDS = 30
DEPARTING_SECONDS = 60


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    # A mass change leaves more events than one transaction should hold.
    while events.dispatch():
        pass


@shared_task(name="people.tasks.send_mails")
def send_mails(**_: Any) -> None:
    mail.send_due(as_of=timezone.now(), seconds=SENDING_SECONDS)


@shared_task(name="people.tasks.depart_due")
def depart_due(*, after: tuple[str, int] | None = None, **_: Any) -> None:
    """Terminate whoever is due; where time is over, another job goes on at that place."""
    place = (datetime.fromisoformat(after[0]), after[1]) if after else None
    now = timezone.now()
    rest = departing.go_on(place, as_of=now, seconds=DEPARTING_SECONDS)[1]
    if rest:
        said = (rest[0].isoformat(), rest[1])
        current_app.send_task("people.tasks.depart_due", kwargs={"after": said}, retry=False)
