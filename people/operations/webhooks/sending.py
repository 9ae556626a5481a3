"""Sends the deliveries to webhook endpoints and signal streams, and retries them for three days.

A process takes an endpoint for a turn and sends one delivery after the other, without a transaction
around it. If the process dies, the next one sends the delivery in its hands again, with the same
`webhook-id` or `jti`. A delivery that fails holds back later ones of the same person, so that the
events of a person arrive in order. After an hour it no longer does, because a leaver must not wait
for days behind an event that the receiver cannot process; but it is tried again before each of
these.
"""

import math
import random
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from prometheus_client import Counter

from people import tenancy
from people.db import leases
from people.models import WebhookDelivery, WebhookEndpoint
from people.net.safe_http import HttpAnswer, OutboundError, Unreachable
from people.operations.webhooks import messages
from people.operations.webhooks.enqueue import enqueue_events
from people.operations.webhooks.failing import pause_gone, pause_if_failing
from people.secrets import SecretLost

ATTEMPTS: Final = Counter(
    "ramp_webhook_attempts",
    "Attempts to deliver an event to a webhook endpoint or a signal stream.",
    ["outcome"],
)

# Longer than a turn with a server that responds slowly.
LEASE: Final = timedelta(minutes=2)
# An endpoint with many deliveries lets the others have their turns.
TURN_SECONDS: Final = 5
# The pauses between attempts. The last one repeats, until GIVE_UP_AFTER.
PAUSES: Final = [
    timedelta(seconds=seconds)
    for seconds in (5, 30, 2 * 60, 10 * 60, 30 * 60, 3600, 2 * 3600, 4 * 3600, 8 * 3600)
]
GIVE_UP_AFTER: Final = timedelta(days=3)
# The part of a pause by which it varies, so that many deliveries do not return at one instant.
JITTER: Final = 0.2
HOLDS_FOR: Final = timedelta(hours=1)
# A failed delivery is not tried again before a later one if it was tried within this time.
TRIED_JUST_NOW: Final = timedelta(minutes=1)
# The pauses of an endpoint that does not respond: they double up to an hour.
FIRST_REST: Final = timedelta(seconds=30)
LONGEST_REST: Final = timedelta(hours=1)
RESPONSE_LENGTH: Final = 1000
GONE: Final = 410


def send_due(*, as_of: datetime) -> int:
    """Send everything that is due by `as_of` or now; return how many deliveries succeeded."""
    return send_batch(as_of=as_of, seconds=math.inf)[0]


def send_batch(*, as_of: datetime, seconds: float) -> tuple[int, bool]:
    """Send what is due by `as_of` or now, until the time is over.

    :returns: how many deliveries succeeded, and whether this process has nothing more to send.
    """
    ends_at = monotonic() + seconds
    enqueue_events()
    _release_dead()
    delivered = 0
    while endpoint := _claim(max(as_of, timezone.now())):
        turn_ends_at = min(ends_at, monotonic() + TURN_SECONDS)
        with tenancy.use(endpoint.tenant_id):
            delivered += _serve(endpoint, as_of=as_of, ends_at=turn_ends_at)
        if monotonic() >= ends_at:
            return delivered, False
    return delivered, True


@transaction.atomic
def _claim(now: datetime) -> WebhookEndpoint | None:
    """Take the endpoint with something due whose last turn was longest ago."""
    with tenancy.across_tenants():
        held = WebhookEndpoint.objects.filter(held_until__gt=now).exclude(held_by="")
        # The other worker processes stay free for mails, which may be urgent.
        if held.count() >= max(1, settings.WORKER_PROCESSES - 1):
            return None
        ready = WebhookDelivery.objects.ready(now, holds_after=now - HOLDS_FOR)
        free = (
            WebhookEndpoint.objects.active()
            # Receivers ask for the events of a stream that has no URL.
            .exclude(url="")
            .select_related("stream")
            .filter(Q(held_by="") | Q(held_until__lte=now))
            .filter(Q(rests_until=None) | Q(rests_until__lte=now))
            .filter(Exists(ready.filter(endpoint=OuterRef("pk")).order_by()))
            .order_by(F("served_at").asc(nulls_first=True), "pk")
        )
        endpoint: WebhookEndpoint | None = free.select_for_update(
            skip_locked=True, of=("self",)
        ).first()
        if endpoint:
            endpoint.held_by, endpoint.held_until = leases.holder(), now + LEASE
            endpoint.served_at = now
            endpoint.save(update_fields=["held_by", "held_until", "served_at"])
    return endpoint


def _release_dead() -> None:
    """Release the endpoints whose process on this machine died."""
    with tenancy.across_tenants():
        for held in WebhookEndpoint.objects.exclude(held_by=""):
            if leases.is_dead(held.held_by):
                same = WebhookEndpoint.objects.filter(pk=held.pk, held_by=held.held_by)
                same.update(held_by="")


def _serve(endpoint: WebhookEndpoint, *, as_of: datetime, ends_at: float) -> int:
    """Send what is due to the endpoint until its turn ends; return how many were accepted."""
    delivered, goes_on = 0, True
    own = WebhookEndpoint.objects.filter(pk=endpoint.pk, held_by=endpoint.held_by)
    try:
        while goes_on and (delivery := _next(endpoint, max(as_of, timezone.now()))):
            is_delivered, goes_on = _send(endpoint, delivery, as_of=as_of)
            delivered += is_delivered
            # An administrator may have paused or changed the endpoint meanwhile.
            goes_on = goes_on and monotonic() < ends_at and own.active().exists()
    finally:
        own.update(held_by="")
    return delivered


def _next(endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery | None:
    """Return the delivery to send next: the first that is due and not held back.

    Failed ones of the same person are tried before it, even if they are not due.
    """
    own = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event__person")
    delivery: WebhookDelivery | None = own.ready(now, holds_after=now - HOLDS_FOR).first()
    if delivery is None or delivery.person_id is None:
        return delivery
    failed = own.waiting().filter(
        person=delivery.person_id,
        pk__lt=delivery.pk,
        last_attempt_at__lt=now - TRIED_JUST_NOW,
    )
    return failed.order_by("pk").first() or delivery


def _send(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, *, as_of: datetime
) -> tuple[bool, bool]:
    """Try the delivery; return whether it was accepted, and whether others can be sent now."""
    now = max(as_of, timezone.now())
    delivery.body = messages.body_of(delivery)
    try:
        # The signature has the real time: receivers refuse messages of another time.
        answer = messages.post(endpoint, delivery.webhook_id, delivery.body, now=timezone.now())
    except (OutboundError, SecretLost) as error:
        _record_failure(endpoint, delivery, now=now, problem=str(error), answer=None)
        # "resting" is the circuit breaker of this process.
        is_resting = isinstance(error, OutboundError) and error.code == "resting"
        if is_resting or isinstance(error, Unreachable):
            _rest(endpoint, now)
            return False, False
        return False, True
    if 200 <= answer.status < 300:
        _record_success(endpoint, delivery, now=now, answer=answer)
        return True, True
    problem = f"The server responded with status {answer.status}."
    _record_failure(endpoint, delivery, now=now, problem=problem, answer=answer)
    if answer.status == GONE:
        return False, not pause_gone(endpoint)
    return False, True


def send_now(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> bool:
    """Try a stored delivery once, and tell whether it was accepted."""
    return _send(endpoint, delivery, as_of=timezone.now())[0]


def _rest(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Leave a server that does not respond alone for a while: each attempt takes seconds."""
    # Bounded before the power, which no timedelta could hold after two days.
    pause = min(FIRST_REST * 2 ** min(endpoint.rests, 10), LONGEST_REST)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        rests_until=now + pause, rests=F("rests") + 1
    )


def _record_success(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, *, now: datetime, answer: HttpAnswer
) -> None:
    delivery.state, delivery.problem = WebhookDelivery.State.DELIVERED, ""
    _save_attempt(delivery, now=now, answer=answer)
    ATTEMPTS.labels("delivered").inc()
    if endpoint.failing_since or endpoint.rests:
        endpoint.failing_since, endpoint.rests = None, 0
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, rests=0)


def _record_failure(
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    *,
    now: datetime,
    problem: str,
    answer: HttpAnswer | None,
) -> None:
    """Schedule another attempt, or give up after three days."""
    delivery.problem = problem
    first = delivery.first_attempt_at or now
    if now - first >= GIVE_UP_AFTER:
        delivery.state = WebhookDelivery.State.GIVEN_UP
        ATTEMPTS.labels("given_up").inc()
    else:
        # S311: this spreads attempts and protects nothing.
        factor = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        pause = PAUSES[min(delivery.attempts, len(PAUSES) - 1)] * factor
        # The last attempt is at the end of the three days.
        delivery.due_at = min(now + pause, max(now, first + GIVE_UP_AFTER))
        ATTEMPTS.labels("failed").inc()
    _save_attempt(delivery, now=now, answer=answer)
    pause_if_failing(endpoint, now=now, because=problem)


def _save_attempt(delivery: WebhookDelivery, *, now: datetime, answer: HttpAnswer | None) -> None:
    outcome: dict[str, Any] = {
        "state": delivery.state,
        "body": delivery.body,
        "problem": delivery.problem,
        "due_at": delivery.due_at,
        "attempts": delivery.attempts + 1,
        "first_attempt_at": delivery.first_attempt_at or now,
        "last_attempt_at": now,
        "status": answer.status if answer else None,
        "response": response_text(answer),
    }
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**outcome)


def response_text(answer: HttpAnswer | None) -> str:
    """Return the beginning of the response as text that the database can store."""
    if answer is None:
        return ""
    return answer.body[:RESPONSE_LENGTH].decode(errors="replace").replace("\x00", "\ufffd")
