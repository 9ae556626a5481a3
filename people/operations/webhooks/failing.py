"""Pauses endpoints and signal streams that have failed for days, and tells the administrators."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.urls import reverse

from people import events
from people.models import Event, Mail, Person, WebhookEndpoint
from people.operations.mail_outbox import enqueue_mail
from people.operations.webhooks.endpoints import describe
from people.values import Actor

PAUSED_AFTER: Final = timedelta(days=3)
ACTOR: Final = Actor("job", "webhooks")


def pause_if_failing(endpoint: WebhookEndpoint, *, now: datetime, because: str) -> bool:
    """Note that a delivery failed. Pause the endpoint if none has succeeded for three days.

    :returns: whether it was paused.
    """
    if endpoint.failing_since is None:
        endpoint.failing_since = now
        own = WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since=None)
        own.update(failing_since=now)
    if now - endpoint.failing_since < PAUSED_AFTER:
        return False
    return _pause(endpoint, f"No delivery succeeded for three days. {because}")


def pause_gone(endpoint: WebhookEndpoint) -> bool:
    """Pause an endpoint whose server answered 410 Gone, by which it asks for no more messages."""
    return _pause(endpoint, "The server responded with 410 Gone, which asks for no more messages.")


@transaction.atomic
def _pause(endpoint: WebhookEndpoint, because: str) -> bool:
    active = WebhookEndpoint.objects.filter(pk=endpoint.pk, state=WebhookEndpoint.State.ACTIVE)
    paused = WebhookEndpoint.State.PAUSED
    limit = WebhookEndpoint._meta.get_field("paused_because").max_length
    if not active.update(state=paused, paused_because=because[:limit]):
        return False
    kind, page = Event.Kind.WEBHOOK_CHANGED, "webhook"
    if endpoint.is_stream:
        kind, page = Event.Kind.SIGNAL_STREAM_CHANGED, "signal_stream"
    what = f"paused {describe(endpoint)}"
    events.record(kind, None, actor=ACTOR, what=what, reason=because)
    for person in Person.objects.active_administrators():
        enqueue_mail(
            Mail.Kind.WEBHOOK_PAUSED,
            person,
            to=person.email,
            endpoint=str(endpoint),
            url=endpoint.url,
            because=because,
            is_stream=endpoint.is_stream,
            path=reverse(f"admin:{page}", args=[endpoint.pk]),
        )
    return True
