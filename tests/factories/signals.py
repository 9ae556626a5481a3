"""Signal streams as rows; nothing is sent to them."""

from typing import Any

from people.models import Person, SignalStream
from people.operations.signals.event_types import SignalType
from people.operations.signals.keys import ensure_key
from tests.factories.webhooks import webhook_endpoint


def signal_stream(person: Person, **fields: Any) -> SignalStream:
    ensure_key(person.tenant_id)
    url = "https://app.example.com/events"
    endpoint = webhook_endpoint(person, url=url, description="Expenses")
    usual = {
        "tenant": person.tenant,
        "endpoint": endpoint,
        "method": SignalStream.Method.PUSH,
        "audience": "https://app.example.com",
        "events_requested": SignalType.values,
    }
    return SignalStream.objects.create(**usual | fields)
