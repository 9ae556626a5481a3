from typing import Any

from celery import shared_task

from people import events


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    # A mass change leaves more events than one transaction should hold.
    while events.dispatch():
        pass
