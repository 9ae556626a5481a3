"""Builds security events (RFC 8417) as deliveries to a stream.

The claims are stored when the event is enqueued, so they are the same in each attempt and name the
person as they were called then.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.utils import timezone

from people import hooks
from people.models import Event, SignalStream, WebhookDelivery
from people.operations.signals.event_types import Payload, SignalType, signals_of
from people.operations.signals.metadata import issuer_of

Subjects = Mapping[UUID, tuple[str, str]]


def events_delivered(stream: SignalStream) -> list[str]:
    """Return the types that the receiver asked for and Ramp knows."""
    return [signal.value for signal in SignalType if signal in stream.events_requested]


def deliveries_of(
    stream: SignalStream, events: Sequence[Event], now: datetime
) -> Iterator[WebhookDelivery]:
    """Yield the deliveries of these events, whose people are loaded, in their order."""
    wanted = set(events_delivered(stream))
    subjects: Subjects = {}
    if stream.subject_format == SignalStream.SubjectFormat.ISS_SUB:
        subjects = hooks.provider_subjects({one.person.pk for one in events if one.person})
    for event in events:
        for signal, payload in signals_of(event):
            if signal in wanted:
                yield _delivery(stream, event, (signal, payload), subjects, now)


def control_delivery(stream: SignalStream, event_type: str, payload: Payload) -> WebhookDelivery:
    """Return a delivery about the stream itself."""
    now = timezone.now()
    delivery = _unsent(stream, event_type, now)
    subject = {"format": "opaque", "id": str(stream.pk)}
    delivery.body = _body(stream, delivery, subject, payload, now)
    return delivery


def _delivery(
    stream: SignalStream,
    event: Event,
    signal: tuple[SignalType, Payload],
    subjects: Subjects,
    now: datetime,
) -> WebhookDelivery:
    event_type, payload = signal
    delivery = _unsent(stream, event_type.value, now)
    delivery.event, delivery.person_id = event, event.person_id
    transaction = event.request_id.hex if event.request_id else f"event-{event.pk}"
    happened = {"txn": transaction, "toe": int(event.happened_at.timestamp())}
    subject = _subject(event, event_type, subjects)
    delivery.body = _body(stream, delivery, subject, payload, now, **happened)
    return delivery


def _subject(event: Event, signal: SignalType, subjects: Subjects) -> dict[str, str]:
    """Return the subject identifier (RFC 9493) of the event's person."""
    person = event.person
    assert person, "only events about people have security events"
    # RISC requires the old address.
    if signal == SignalType.IDENTIFIER_CHANGED:
        return {"format": "email", "email": event.changes["email"]["from"]}
    if person.pk in subjects:
        issuer, subject = subjects[person.pk]
        return {"format": "iss_sub", "iss": issuer, "sub": subject}
    if person.email:
        return {"format": "email", "email": person.email}
    # Their address belongs to another person now.
    return {"format": "opaque", "id": str(person.pk)}


def _unsent(stream: SignalStream, event_type: str, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        tenant_id=stream.tenant_id,
        endpoint_id=stream.endpoint_id,
        event_type=event_type,
        due_at=now,
        created_at=now,
    )


def _body(
    stream: SignalStream,
    delivery: WebhookDelivery,
    subject: dict[str, str],
    payload: Payload,
    now: datetime,
    **more: Any,
) -> str:
    claims = {
        "iss": issuer_of(stream.tenant),
        "jti": delivery.message_id.hex,
        "iat": int(now.timestamp()),
        "aud": stream.audience,
        **more,
        "sub_id": subject,
        "events": {delivery.event_type: payload},
    }
    return orjson.dumps(claims).decode()
