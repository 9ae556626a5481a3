"""Remember what happened, and tell those who subscribed.

`record` runs inside the transaction of the change. `dispatch` runs later, in a worker, and
hands each event to its subscribers' tasks: at least once, so they must bear to hear the
same event twice. Celery only hurries it along; the rows are the truth and beat sweeps them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.chores import waking
from people.models import Event, Person
from people.row_sql import made
from people.storing import when_stored, write
from people.values import Actor
from people.writes import Write

_cause: ContextVar[UUID | None] = ContextVar("cause_of_events", default=None)


@contextmanager
def caused_by(request_id: UUID) -> Iterator[None]:
    """Note the request on every event recorded until the block ends."""
    token = _cause.set(request_id)
    try:
        yield
    finally:
        _cause.reset(token)


def current_cause() -> UUID | None:
    """Return the request that causes what happens here, if one does."""
    return _cause.get()


def record(
    kind: Event.Kind,
    person: Person | None,
    *,
    actor: Actor,
    changes: dict[str, dict[str, Any]] | None = None,
    storing: Write | None = None,
    **facts: Any,
) -> Event:
    """Write down what happened; with `storing`, the change itself in the same statement.

    Of a department or location the difference tells the name of that day, and the facts the
    key: places are renamed, and whoever is there is not asked.
    """
    now = timezone.now()
    awaited = kind in settings.EVENT_SUBSCRIBERS
    event = made(
        Event,
        tenant_id=person.tenant_id if person else tenancy.current_id(),
        kind=kind,
        person=person,
        actor=str(actor),
        request_id=_cause.get(),
        changes=changes or {},
        facts=facts | _place_ids(person, changes or {}),
        happened_at=now,
        dispatched_at=None if awaited else now,
    )
    write(*([storing] if storing else []), Write(event))
    if awaited:
        when_stored(waker.wake)
    return event


def _place_ids(person: Person | None, changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{place}_id": getattr(person, f"{place}_id")
        for place in ("department", "location")
        if person and place in changes
    }


def send(task: str, event_id: int) -> None:
    """Hand the event to a worker."""
    current_app.send_task(task, kwargs={"event_id": event_id})


def run(task: str, event_id: int) -> None:
    """Do here and now what a worker would do with the event."""
    current_app.tasks[task].apply(kwargs={"event_id": event_id}, throw=True)


def dispatch(deliver: Callable[[str, int], None] = send, limit: int = 500) -> int:
    """Deliver the oldest pending events of all tenants to their subscribers' tasks.

    :returns: how many events went out.
    """
    with tenancy.across_tenants(), transaction.atomic():
        # Rows that another worker has locked are on their way already.
        events = list(Event.objects.pending().select_for_update(skip_locked=True)[:limit])
        for event in events:
            for task in settings.EVENT_SUBSCRIBERS.get(event.kind, ()):
                deliver(task, event.pk)
        Event.objects.filter(pk__in=[event.pk for event in events]).update(
            dispatched_at=timezone.now()
        )
    return len(events)


def dispatch_all(*, as_of: datetime) -> int:
    """Do everything that waits for a worker here and now; return how many events."""
    current_app.loader.import_default_modules()
    done = 0
    while count := dispatch(deliver=run):
        done += count
    return done


waker = waking("people.tasks.dispatch_events")
mail_waker = waking("people.tasks.send_mails")
