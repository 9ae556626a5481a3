"""Adds, changes, pauses, verifies and deletes signal streams. Each operation records one event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import ApiToken, Event, Person, SignalStream, WebhookDelivery, WebhookEndpoint
from people.operations.locks import LockName, acquire_lock
from people.operations.signals import event_types
from people.operations.signals.event_types import kinds_of
from people.operations.signals.keys import ensure_key
from people.operations.signals.metadata import issuer_of
from people.operations.signals.security_events import control_delivery, events_delivered
from people.operations.webhooks import messages
from people.operations.webhooks.endpoints import check_url, describe
from people.operations.webhooks.sending import LEASE, send_now
from people.values import Actor, PeopleError

MAX_STREAMS: Final = 16
# A receiver that asks more often is refused.
VERIFICATION_INTERVAL: Final = timedelta(seconds=30)

Method = SignalStream.Method
Status = SignalStream.Status


class TooManySignalStreams(PeopleError):
    code = "too-many-signal-streams"

    def __init__(self) -> None:
        super().__init__(
            f"A company can have {MAX_STREAMS} signal streams. Delete one that is not used."
        )


class VerifiedJustNow(PeopleError):
    code = "verified-just-now"

    def __init__(self) -> None:
        super().__init__(
            "A verification event was requested less than "
            f"{VERIFICATION_INTERVAL.seconds} seconds ago. Wait, then request another one."
        )


class SignalUrlNotExpected(PeopleError):
    code = "signal-url-not-expected"
    field = "url"

    def __init__(self) -> None:
        super().__init__("A stream whose events are polled has no URL of the receiver.")


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """What a receiver or an administrator chooses. A blank `url` means that events are polled."""

    url: str
    description: str = ""
    events_requested: Sequence[str] = ()
    # None keeps the stored one. Blank removes it.
    authorization: str | None = field(default=None, repr=False)


def add_stream(
    person: Person,
    chosen: StreamSettings,
    *,
    audience: str = "",
    subject_format: str = SignalStream.SubjectFormat.EMAIL,
    token: ApiToken | None = None,
    actor: Actor,
) -> SignalStream:
    """Add a stream, which receives the events that happen afterwards.

    :param audience: the `aud` of its events. If it is blank, Ramp makes one of the stream's id.
    :param token: that of the receiver, which alone manages the stream while the token is valid.
    :raises WebhookUrlRefused: if Ramp does not send to this URL.
    :raises TooManySignalStreams: if the company has MAX_STREAMS already.
    """
    # Before the transaction, because this resolves the host.
    if chosen.url:
        check_url(chosen.url)
    with transaction.atomic():
        acquire_lock(LockName.WEBHOOKS, person.tenant_id)
        if SignalStream.objects.count() >= MAX_STREAMS:
            raise TooManySignalStreams
        ensure_key(person.tenant_id)
        stream = SignalStream(
            tenant=person.tenant,
            endpoint=_new_endpoint(person),
            method=Method.PUSH if chosen.url else Method.POLL,
            subject_format=subject_format,
            token=token,
        )
        stream.audience = audience or f"{issuer_of(person.tenant)}/streams/{stream.pk}"
        _choose(stream, chosen)
        stream.endpoint.save(force_insert=True)
        stream.save(force_insert=True)
        _record(stream, "added", actor=actor)
    return stream


def update_stream(stream: SignalStream, chosen: StreamSettings, *, actor: Actor) -> None:
    """Change what the stream sends and where to. Its delivery method stays.

    :raises WebhookUrlRefused: if Ramp does not send to this URL.
    :raises SignalUrlNotExpected: if the events of the stream are polled and there is a URL.
    """
    if stream.is_push:
        check_url(chosen.url)
    elif chosen.url:
        raise SignalUrlNotExpected
    with transaction.atomic():
        _lock(stream)
        _choose(stream, chosen)
        # Another server may respond.
        stream.endpoint.rests_until, stream.endpoint.rests = None, 0
        stream.endpoint.save()
        stream.save()
        _record(stream, "changed", actor=actor)


@transaction.atomic
def set_status(
    stream: SignalStream, status: Status, *, actor: Actor, reason: str = "", is_told: bool
) -> bool:
    """Enable, pause or disable the stream, and tell whether that changed anything.

    A paused stream keeps its events, a disabled one drops them.

    :param is_told: whether an event tells the receiver that the stream is enabled again, because
        the receiver has not asked for it.
    """
    _lock(stream)
    if stream.status == status:
        return False
    now, endpoint = timezone.now(), stream.endpoint
    if stream.status == Status.DISABLED:
        # What happened meanwhile is not sent.
        endpoint.active_since = endpoint.enqueued_until = now
    is_enabled = status == Status.ENABLED
    endpoint.state = WebhookEndpoint.State.ACTIVE if is_enabled else WebhookEndpoint.State.PAUSED
    endpoint.paused_because = ""
    endpoint.rests_until, endpoint.rests, endpoint.failing_since = None, 0, None
    endpoint.save()
    stream.keeps_events = status != Status.DISABLED
    stream.save(update_fields=["keeps_events"])
    if is_enabled:
        # Their three days begin again.
        endpoint.deliveries.waiting().update(due_at=now, first_attempt_at=None, attempts=0)
        if is_told:
            announcement = control_delivery(
                stream, event_types.STREAM_UPDATED, {"status": status.value}
            )
            announcement.save(force_insert=True)
    if status == Status.DISABLED:
        endpoint.deliveries.waiting().exclude(event_type__in=event_types.ABOUT_STREAM).update(
            state=WebhookDelivery.State.GIVEN_UP, problem="The stream was disabled."
        )
    _record(stream, status.value, actor=actor, reason=reason)
    return True


def announce(stream: SignalStream, status: Status) -> None:
    """Tell the receiver that the stream is about to stop. Call it outside of transactions.

    Nobody waits for a receiver that does not respond.
    """
    if stream.status != Status.ENABLED:
        return
    delivery = control_delivery(stream, event_types.STREAM_UPDATED, {"status": status.value})
    # The worker does not send it meanwhile.
    delivery.due_at += LEASE
    delivery.save(force_insert=True)
    if stream.is_push:
        send_now(stream.endpoint, delivery)


@transaction.atomic
def verify(stream: SignalStream, *, state: str | None = None) -> None:
    """Send a verification event, with the state that the receiver chose.

    :raises VerifiedJustNow: if one was requested within VERIFICATION_INTERVAL.
    """
    _lock(stream)
    now = timezone.now()
    last = stream.verification_asked_at
    if last and now - last < VERIFICATION_INTERVAL:
        raise VerifiedJustNow
    payload = {} if state is None else {"state": state}
    control_delivery(stream, event_types.VERIFICATION, payload).save(force_insert=True)
    stream.verification_asked_at = now
    stream.save(update_fields=["verification_asked_at"])


@transaction.atomic
def delete_stream(stream: SignalStream, *, actor: Actor) -> None:
    """Delete the stream with its delivery log."""
    _lock(stream)
    _record(stream, "deleted", actor=actor)
    stream.endpoint.delete()


def _new_endpoint(person: Person) -> WebhookEndpoint:
    now = timezone.now()
    return WebhookEndpoint(
        id=uuid4(),
        tenant_id=person.tenant_id,
        secret_created_at=now,
        created_by=person,
        created_at=now,
        active_since=now,
        enqueued_until=now,
    )


def _choose(stream: SignalStream, chosen: StreamSettings) -> None:
    endpoint = stream.endpoint
    endpoint.url, endpoint.description = chosen.url, chosen.description
    stream.events_requested = list(chosen.events_requested)
    endpoint.kinds = kinds_of(events_delivered(stream))
    if chosen.authorization is not None:
        header = chosen.authorization
        endpoint.secret = messages.sealed(endpoint, header) if header else ""
        endpoint.secret_created_at = timezone.now()


def _lock(stream: SignalStream) -> None:
    """Lock the endpoint of the stream, and load both as they are now."""
    WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=stream.pk)
    stream.refresh_from_db()


def _record(stream: SignalStream, deed: str, *, actor: Actor, reason: str = "") -> None:
    what = f"{deed} {describe(stream.endpoint)}"
    events.record(Event.Kind.SIGNAL_STREAM_CHANGED, None, actor=actor, what=what, reason=reason)
