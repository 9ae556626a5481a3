"""Builds security events (RFC 8417) as deliveries to a stream.

The claims are stored when the event is enqueued, so they are the same in each attempt and name the
person as they were called then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.utils import timezone

from people import hooks
from people.models import Event, SignalStream, WebhookDelivery
from people.operations.signals.event_types import Payload, SignalType, signals_of
from people.operations.signals.metadata import issuer_of
from people.operations.signals.scim_payloads import ScimChange
from people.provider_facts import ScimResource


@dataclass(frozen=True)
class _Names:
    """How other systems call the people and the requests of some events."""

    # The issuer and subject at the sign-in provider, if the stream wants them.
    subjects: Mapping[UUID, tuple[str, str]] = field(default_factory=dict)
    # The SCIM resources, if the stream wants SCIM events.
    resources: Mapping[UUID, ScimResource] = field(default_factory=dict)
    # The methods of the SCIM requests that changed these resources, by request and person.
    methods: Mapping[tuple[UUID, UUID], str] = field(default_factory=dict)
    # The `txn` of requests for which it is not their id.
    transactions: Mapping[UUID, str] = field(default_factory=dict)

    def transaction_of(self, event: Event) -> str:
        if event.request_id is None:
            return f"event-{event.pk}"
        return self.transactions.get(event.request_id, str(event.request_id))

    def scim_change_of(self, event: Event) -> ScimChange | None:
        """Return the SCIM resource of the event's person, if there is one, and how it changed."""
        if event.person_id is None or event.person_id not in self.resources:
            return None
        resource = self.resources[event.person_id]
        if event.request_id is None:
            return ScimChange(resource)
        return ScimChange(resource, self.methods.get((event.request_id, event.person_id), ""))


def events_delivered(stream: SignalStream) -> list[str]:
    """Return the types that the receiver asked for and Ramp knows."""
    return [signal.value for signal in SignalType if signal in stream.events_requested]


def wants_scim_events() -> bool:
    """Tell whether a stream of the company in force has SCIM events."""
    streams = SignalStream.objects.all()
    return any(SignalType(uri).is_scim for one in streams for uri in events_delivered(one))


def deliveries_of(
    stream: SignalStream, events: Sequence[Event], now: datetime
) -> Iterator[WebhookDelivery]:
    """Yield the deliveries of these events, whose people are loaded, in their order."""
    wanted = [SignalType(signal) for signal in events_delivered(stream)]
    people = {one.person.pk for one in events if one.person}
    is_by_subject = stream.subject_format == SignalStream.SubjectFormat.ISS_SUB
    wants_scim = any(signal.is_scim for signal in wanted)
    requests = {event.request_id for event in events if event.request_id}
    names = _Names(
        hooks.provider_subjects(people) if is_by_subject else {},
        hooks.scim_resources(people) if wants_scim else {},
        hooks.scim_methods(requests) if wants_scim else {},
        hooks.scim_transactions(requests) if requests else {},
    )
    for event in events:
        for signal, payload in signals_of(event, names.scim_change_of(event)):
            if signal in wanted:
                delivery = _unsent(stream, signal.value, now)
                delivery.event, delivery.person_id = event, event.person_id
                delivery.body = _body(
                    stream,
                    delivery,
                    _subject(event, signal, names),
                    payload,
                    now,
                    txn=names.transaction_of(event),
                    toe=int(event.happened_at.timestamp()),
                )
                yield delivery


def control_delivery(stream: SignalStream, event_type: str, payload: Payload) -> WebhookDelivery:
    """Return a delivery about the stream itself."""
    now = timezone.now()
    delivery = _unsent(stream, event_type, now)
    subject = {"format": "opaque", "id": str(stream.pk)}
    delivery.body = _body(stream, delivery, subject, payload, now)
    return delivery


def announced_delivery(
    stream: SignalStream,
    signal: SignalType,
    content: tuple[Mapping[str, str], Payload],
    txn: str,
    now: datetime,
) -> WebhookDelivery:
    """Return a delivery that follows from no event of the log.

    :param content: the subject identifier and the payload.
    """
    delivery = _unsent(stream, signal.value, now)
    delivery.body = _body(stream, delivery, *content, now, txn=txn)
    return delivery


def _subject(event: Event, signal: SignalType, names: _Names) -> dict[str, str]:
    """Return the subject identifier (RFC 9493) of the event's person."""
    person = event.person
    assert person, "only events about people have security events"
    if signal.is_scim:
        resource = names.resources[person.pk]
        scim_subject = {"format": "scim", "uri": f"/Users/{resource.id}"}
        return scim_subject | ({"externalId": resource.external_id} if resource.external_id else {})
    # RISC requires the old address.
    if signal == SignalType.IDENTIFIER_CHANGED:
        return {"format": "email", "email": event.changes["email"]["from"]}
    if person.pk in names.subjects:
        issuer, subject = names.subjects[person.pk]
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
    subject: Mapping[str, str],
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
