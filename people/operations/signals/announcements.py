"""Sends SCIM events that do not follow from an event of the log, to the streams that want them.

These are the events about groups, of which `people` knows nothing, and the completion of
asynchronous requests.
"""

from collections.abc import Callable, Mapping

from django.utils import timezone

from people import events
from people.db.unit_of_work import on_stored
from people.models import SignalStream, WebhookDelivery, WebhookEndpoint
from people.operations.signals.event_types import Payload, SignalType
from people.operations.signals.security_events import announced_delivery

Payloads = Mapping[SignalType, Callable[[], Payload]]


def announce(subject: Mapping[str, str], txn: str, payloads: Payloads) -> None:
    """Create the deliveries of security events to all streams of the company in force.

    Call it in the transaction of the change, so that each change has its events exactly once.

    :param payloads: the events. A payload is only made if a stream wants it, once for all streams.
    """
    collecting = WebhookEndpoint.objects.collecting()
    now, made = timezone.now(), dict[SignalType, Payload]()
    deliveries = []
    for stream in SignalStream.objects.filter(endpoint__in=collecting).select_related("tenant"):
        for signal, payload in payloads.items():
            if signal in stream.events_requested:
                content = made[signal] = made.get(signal) or payload()
                deliveries.append(announced_delivery(stream, signal, (subject, content), txn, now))
    if deliveries:
        WebhookDelivery.objects.bulk_create(deliveries)
        on_stored(events.webhook_waker.wake)


def announce_completion(txn: str, resource: str, result: Payload) -> None:
    """Tell that an operation of an asynchronous request is complete (RFC 9967 section 2.5.1.3).

    :param resource: the path of the SCIM resource, such as “/Users/…”.
    :param result: what the response to a bulk request says about the operation.
    """
    subject = {"format": "scim", "uri": resource}
    announce(subject, txn, {SignalType.SCIM_ASYNC_RESPONSE: lambda: result})
