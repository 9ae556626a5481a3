"""Creates the deliveries of new events, to webhook endpoints and to signal streams.

Each run reads the events of an endpoint in the order of the event log. An event becomes visible
when its transaction commits, which may be after later events. So each run begins some minutes
(SETTLED_AFTER) before the oldest transaction that was open in the previous run, and skips events
that have a delivery. Two changes of one person cannot overtake each other, because each locks the
person until it commits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from people import tenancy
from people.db.running_writes import complete_until
from people.models import Event, WebhookDelivery, WebhookEndpoint
from people.operations.signals.security_events import deliveries_of
from people.presentation.audit_log import SETTLED_AFTER, Place, newer_than

# Deliveries created in one transaction, which keeps transactions short.
BATCH: Final = 500
# An endpoint without new events is otherwise written every few seconds.
NOTED_EVERY: Final = timedelta(seconds=30)


def enqueue_events() -> int:
    """Create the deliveries of new events to all active endpoints; return their number."""
    with tenancy.across_tenants():
        endpoints = list(WebhookEndpoint.objects.collecting().values_list("pk", flat=True))
        return sum(map(enqueue_for, endpoints))


def enqueue_for(endpoint_id: UUID) -> int:
    """Create the deliveries of new events to the endpoint; return the number of events."""
    count, place, is_last = 0, None, False
    while not is_last:
        created = _enqueue_batch(endpoint_id, after=place)
        count += len(created)
        is_last = len(created) < BATCH
        if created:
            place = Place(created[-1].happened_at, created[-1].pk)
    return count


@transaction.atomic
def _enqueue_batch(endpoint_id: UUID, *, after: Place | None) -> list[Event]:
    """Create deliveries of the next events, and return these events."""
    now = timezone.now()
    # One process at a time, so that the keys of the deliveries are in the order of the events.
    collecting = WebhookEndpoint.objects.collecting().select_related("stream__tenant")
    unlocked = collecting.select_for_update(skip_locked=True, of=("self",))
    endpoint: WebhookEndpoint | None = unlocked.filter(pk=endpoint_id).first()
    if endpoint is None:
        return []
    read_until = complete_until()
    created = list(newer_than(_new_events(endpoint), after).order_by("happened_at", "pk")[:BATCH])
    WebhookDelivery.objects.bulk_create(_deliveries(endpoint, created, now))
    if len(created) < BATCH and read_until - endpoint.enqueued_until > NOTED_EVERY:
        endpoint.enqueued_until = read_until
        endpoint.save(update_fields=["enqueued_until"])
    return created


def _deliveries(
    endpoint: WebhookEndpoint, new: Sequence[Event], now: datetime
) -> Iterable[WebhookDelivery]:
    if endpoint.is_stream:
        return deliveries_of(endpoint.stream, new, now)
    return (
        WebhookDelivery(
            tenant_id=endpoint.tenant_id,
            endpoint=endpoint,
            event=event,
            person_id=event.person_id,
            due_at=now,
            created_at=now,
        )
        for event in new
    )


def _new_events(endpoint: WebhookEndpoint) -> QuerySet[Event]:
    """Return the events for the endpoint that may have no delivery yet."""
    unsettled: datetime = endpoint.enqueued_until - SETTLED_AFTER
    delivered = WebhookDelivery.objects.filter(endpoint=endpoint, event=OuterRef("pk"))
    events: QuerySet[Event] = Event.objects.filter(
        tenant_id=endpoint.tenant_id, happened_at__gt=max(unsettled, endpoint.active_since)
    ).exclude(Exists(delivered))
    if endpoint.is_stream:
        # Only people have security events.
        events = events.filter(person__isnull=False).select_related("person")
    # No kinds mean all kinds to a webhook endpoint, but none to a stream.
    is_filtered = endpoint.kinds or endpoint.is_stream
    return events.filter(kind__in=endpoint.kinds) if is_filtered else events
