"""Records events, and delivers them to subscribers.

`record` runs inside the transaction of the change. Later, in a worker, `dispatch` creates a
`Delivery` for each subscriber of the event, and `deliver_due` calls the subscribers. A subscriber
acknowledges by returning. If it raises, it is called again, after pauses of up to an hour, until it
returns. A subscriber is called at least once for each event, so it must tolerate a second call.
Nothing depends on the broker: beat runs the dispatcher every 10 seconds, and a message only makes
it run sooner. The same is true of the task that sends events to webhook endpoints.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from people import hooks, tenancy
from people.background import task_trigger
from people.db import leases
from people.db.unit_of_work import on_stored
from people.models import Delivery, Event, Person
from people.models.deliveries import STUCK_ATTEMPTS
from people.models.field_table import PLACES
from people.values import SIGN_IN_SOURCES, Actor

log = logging.getLogger(__name__)

# Longer than CELERY_TASK_TIME_LIMIT, so that no other process calls the subscriber meanwhile.
LEASE: Final = timedelta(minutes=2)
# The pauses before a failed subscriber is called again. The last one repeats.
PAUSES: Final = [timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 900, 3600)]


@dataclass(frozen=True)
class _Cause:
    request_id: UUID | None = None
    interface: Event.Interface | None = None
    ip: str | None = None


_NO_CAUSE: Final = _Cause()
_cause: ContextVar[_Cause] = ContextVar("cause_of_events", default=_NO_CAUSE)


@contextmanager
def caused_by(
    request_id: UUID, interface: Event.Interface | None = None, ip: str | None = None
) -> Iterator[None]:
    """Set the `request_id` of all events and mails that the block records.

    Without an interface, the block keeps that of the block around it, and the client's address.
    """
    if interface is None:
        interface, ip = _cause.get().interface, _cause.get().ip
    token = _cause.set(_Cause(request_id, interface, ip))
    try:
        yield
    finally:
        _cause.reset(token)


def current_cause() -> UUID | None:
    """Return the id of the request, page view or job run that is being processed, if any."""
    return _cause.get().request_id


def _interface_of(actor: Actor, cause: _Cause) -> Event.Interface:
    # A sign-in arrives as a page view.
    if actor.kind in SIGN_IN_SOURCES:
        return Event.Interface.SIGN_IN
    if cause.interface:
        return cause.interface
    # Nothing but requests has a cause with an interface.
    return Event.Interface.COMMAND if actor.kind == "command" else Event.Interface.JOB


def record(
    kind: Event.Kind,
    person: Person | None,
    *,
    actor: Actor,
    changes: dict[str, dict[str, Any]] | None = None,
    **facts: Any,
) -> Event:
    """Record an event in the transaction of the change, for the history and for subscribers.

    For a department or location, `changes` stores its name and `facts` its id, because a place can
    be renamed later, without an event for each person in it.
    """
    now = timezone.now()
    cause = _cause.get()
    awaited = bool(hooks.subscriptions_to(kind, changes or {}))
    event: Event = Event.objects.create(
        tenant_id=person.tenant_id if person else tenancy.current_id(),
        kind=kind,
        person=person,
        actor=str(actor),
        actor_person_id=actor.person_id,
        interface=_interface_of(actor, cause),
        ip=cause.ip,
        request_id=cause.request_id,
        changes=changes or {},
        facts=facts | _place_ids(person, changes or {}),
        happened_at=now,
        # Most events have no subscriber. They never enter the index of pending events, which keeps
        # it small.
        dispatched_at=None if awaited else now,
    )
    if awaited:
        # After the commit: a worker that looked earlier would not find the row.
        on_stored(waker.wake)
    on_stored(webhook_waker.wake)
    return event


def _place_ids(person: Person | None, changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{place}_id": getattr(person, f"{place}_id")
        for place in PLACES
        if person and place in changes
    }


# The limit keeps the transaction short: a bulk change records thousands of events.
def dispatch(limit: int = 500) -> int:
    """Create the deliveries of the oldest pending events of all tenants.

    :returns: the number of events.
    """
    with tenancy.across_tenants(), transaction.atomic():
        # Another worker is dispatching the rows that it has locked.
        events = list(Event.objects.pending().select_for_update(skip_locked=True)[:limit])
        now = timezone.now()
        Delivery.objects.bulk_create(
            Delivery(tenant_id=event.tenant_id, event=event, subscriber=one.name, due_at=now)
            for event in events
            for one in hooks.subscriptions_to(event.kind, event.changes)
        )
        Event.objects.filter(pk__in=[event.pk for event in events]).update(dispatched_at=now)
    return len(events)


def deliver_due(*, as_of: datetime, seconds: float = math.inf) -> tuple[int, bool]:
    """Make the deliveries that are due by `as_of` or now, until the time is over.

    If a subscriber fails, its delivery is tried again later, and the others continue.

    :returns: how many deliveries were acknowledged, and whether none is due any more.
    """
    ends_at = monotonic() + seconds
    done = 0
    # Release the deliveries whose process on this machine died.
    with tenancy.across_tenants():
        for held in Delivery.objects.exclude(held_by=""):
            if leases.is_dead(held.held_by):
                # If two processes died of it, the delivery itself may be the reason: wait.
                pause = _pause(held.attempts) if held.attempts > 1 else timedelta()
                same = Delivery.objects.filter(pk=held.pk, held_by=held.held_by)
                same.update(held_by="", due_at=timezone.now() + pause)
    # `as_of` may be the start of the run, and the events were dispatched after it.
    while delivery := _claim(max(as_of, timezone.now())):
        done += _deliver(delivery)
        if monotonic() >= ends_at:
            return done, False
    return done, True


@transaction.atomic
def _claim(as_of: datetime) -> Delivery | None:
    """Claim the delivery that has been due for longest, until its lease ends."""
    with tenancy.across_tenants():
        due = Delivery.objects.due(as_of).select_for_update(skip_locked=True)
        delivery: Delivery | None = due.first()
        if delivery:
            delivery.attempts += 1
            delivery.due_at = as_of + LEASE
            delivery.held_by = leases.holder()
            delivery.save(update_fields=["attempts", "due_at", "held_by"])
    return delivery


def _deliver(delivery: Delivery) -> bool:
    """Call the subscriber; return whether it acknowledged."""
    with tenancy.use(delivery.tenant_id):
        event = Event.objects.select_related("person").get(pk=delivery.event_id)
        # Log lines of the subscriber name the request that caused the event.
        cause = structlog.contextvars.bound_contextvars(request_id=str(event.request_id))
        try:
            with cause:
                hooks.subscriber(delivery.subscriber)(event)
        except Exception as error:
            # Subscribers call other servers, so anything may fail; the row is the retry.
            _record_failure(delivery, error)
            # Celery is about to kill the job, so it must not start another delivery.
            if isinstance(error, SoftTimeLimitExceeded):
                raise
            return False
        Delivery.objects.filter(pk=delivery.pk).delete()
    return True


def _record_failure(delivery: Delivery, error: Exception) -> None:
    """Schedule another attempt. Log an error, which alerts operators, once it is stuck."""
    if delivery.attempts == STUCK_ATTEMPTS:
        log.error("%s is stuck; `manage.py stuck` lists it", delivery, exc_info=error)
    else:
        log.warning("%s failed, attempt %d", delivery, delivery.attempts, exc_info=error)
    Delivery.objects.filter(pk=delivery.pk).update(
        held_by="",
        due_at=timezone.now() + _pause(delivery.attempts),
        problem=f"{type(error).__name__}: {error}",
    )


def _pause(attempts: int) -> timedelta:
    return PAUSES[min(attempts, len(PAUSES)) - 1]


def retry_stuck() -> int:
    """Make all stuck deliveries of all tenants due now; return their number."""
    with tenancy.across_tenants():
        count: int = Delivery.objects.stuck().update(due_at=timezone.now())
    waker.wake()
    return count


def retry(event_id: int) -> list[str]:
    """Make all deliveries of the event due now; return the names of their subscribers."""
    with tenancy.across_tenants():
        waiting = Delivery.objects.filter(event=event_id).order_by("subscriber")
        names = list(waiting.values_list("subscriber", flat=True))
        waiting.update(due_at=timezone.now())
    waker.wake()
    return names


def dispatch_all(*, as_of: datetime) -> int:
    """Dispatch and deliver all events in this process; return the number of new events."""
    total = 0
    while count := dispatch():
        total += count
    deliver_due(as_of=as_of)
    return total


# The tasks are named by text, because people.tasks imports this module.
waker = task_trigger("people.tasks.dispatch_events")
mail_waker = task_trigger("people.tasks.send_mails")
# Every event wakes it, because only the task knows the endpoints, so it has a longer pause.
webhook_waker = task_trigger("people.tasks.send_webhooks", pause=1)
