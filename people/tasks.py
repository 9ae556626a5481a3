from typing import Any

from celery import shared_task
from django.utils import timezone

from people import events, mail

# Less than a job may take, and what another job can wait for.
SENDING_SECONDS = 30


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    # A mass change leaves more events than one transaction should hold.
    while events.dispatch():
        pass


@shared_task(name="people.tasks.send_mails")
def send_mails(**_: Any) -> None:
    mail.send_due(as_of=timezone.now(), seconds=SENDING_SECONDS)
