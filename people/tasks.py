from typing import Any

from celery import shared_task

from people import events


@shared_task(name="people.tasks.dispatch_events")
def dispatch_events(**_: Any) -> None:
    events.dispatch()
