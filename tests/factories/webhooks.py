"""Webhook endpoints and deliveries as rows; nothing is sent to them."""

from typing import Any

from django.utils import timezone

from people.models import Event, Person, WebhookDelivery, WebhookEndpoint
from people.operations.webhooks.messages import new_secret, sealed


def webhook_endpoint(person: Person, **fields: Any) -> WebhookEndpoint:
    now = timezone.now()
    usual = {
        "tenant_id": person.tenant_id,
        "url": "https://hooks.example.com/ramp",
        "created_by": person,
        "created_at": now,
        "secret_created_at": now,
        "active_since": now,
        "enqueued_until": now,
    }
    made = WebhookEndpoint(**usual | fields)
    made.secret = sealed(made, new_secret())
    made.save(force_insert=True)
    return made


def webhook_delivery(endpoint: WebhookEndpoint, event: Event, **fields: Any) -> WebhookDelivery:
    now = timezone.now()
    usual = {
        "tenant_id": endpoint.tenant_id,
        "endpoint": endpoint,
        "event": event,
        "person_id": event.person_id,
        "due_at": now,
        "created_at": now,
    }
    return WebhookDelivery.objects.create(**usual | fields)
