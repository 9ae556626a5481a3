"""Hands the security events of a stream to a receiver that asks for them (RFC 8936)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from people.models import SignalStream, WebhookDelivery
from people.operations.signals.event_types import ABOUT_STREAM
from people.operations.signals.keys import signer
from people.operations.webhooks.enqueue import enqueue_for

# The events of one response. Each is signed, which takes about a millisecond.
MOST_EVENTS: Final = 100

State = WebhookDelivery.State


@dataclass(frozen=True, kw_only=True)
class PollRequest:
    """What a receiver acknowledges, by `jti`, and how many events it wants."""

    acknowledged: Sequence[str] = ()
    # Why the receiver refused an event: the code and a description.
    errors: Mapping[str, str] = field(default_factory=dict)
    limit: int = MOST_EVENTS


@dataclass(frozen=True)
class PollAnswer:
    """Signed security events by `jti`, the oldest first, and whether there are others."""

    tokens: dict[str, str]
    has_more: bool


def poll(stream: SignalStream, asked: PollRequest) -> PollAnswer:
    """Note what the receiver acknowledged, and return the oldest events that it has not.

    An event is returned again with each request until it is acknowledged.

    :raises SecretLost: if the signing key cannot be decrypted.
    """
    _settle(stream, asked)
    enqueue_for(stream.pk)
    limit = min(max(asked.limit, 0), MOST_EVENTS)
    waiting = WebhookDelivery.objects.waiting().filter(endpoint=stream.pk).order_by("pk")
    if not stream.endpoint.is_active:
        # A stream that is not enabled still says so.
        waiting = waiting.filter(event_type__in=ABOUT_STREAM)
    found = list(waiting[: limit + 1])
    sign = signer(stream.tenant_id)
    tokens = {one.message_id.hex: sign(one.body) for one in found[:limit]}
    now = timezone.now()
    WebhookDelivery.objects.filter(pk__in=[one.pk for one in found[:limit]]).update(
        attempts=F("attempts") + 1,
        first_attempt_at=Coalesce("first_attempt_at", now),
        last_attempt_at=now,
    )
    SignalStream.objects.filter(pk=stream.pk).update(polled_at=now)
    return PollAnswer(tokens, has_more=len(found) > limit)


def _settle(stream: SignalStream, asked: PollRequest) -> None:
    own = WebhookDelivery.objects.waiting().filter(endpoint=stream.pk)
    known = filter(None, map(_as_id, asked.acknowledged))
    own.filter(message_id__in=list(known)).update(state=State.DELIVERED, problem="")
    for jti, problem in asked.errors.items():
        if refused := _as_id(jti):
            own.filter(message_id=refused).update(state=State.GIVEN_UP, problem=problem)


def _as_id(jti: str) -> UUID | None:
    try:
        return UUID(hex=jti)
    except ValueError:
        return None
