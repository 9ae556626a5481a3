"""The page of one delivery, and sending it again."""

import orjson
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from people.models import WebhookDelivery
from people.operations.webhooks import endpoints
from people.operations.webhooks.messages import body_of
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.webhooks.endpoints import endpoint_page


@administrator_required
def webhook_delivery(request: PersonRequest, delivery_id: int) -> HttpResponse:
    delivery = _found(delivery_id)
    is_stream = delivery.endpoint.is_stream
    title = f"Delivery of {delivery.title if is_stream else f'event {delivery.event_id}'}"
    context = page_context(request, title, parent=endpoint_page(delivery.endpoint)) | {
        "delivery": delivery,
        # Indented for readers. What is sent, and signed, has no spaces.
        "body": orjson.dumps(orjson.loads(body_of(delivery)), option=orjson.OPT_INDENT_2).decode(),
    }
    return render(request, "people/webhooks/delivery.html", context)


@administrator_required
@require_POST
def send_webhook_again(request: PersonRequest, delivery_id: int) -> HttpResponse:
    delivery = _found(delivery_id)
    try:
        endpoints.send_again(delivery)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Ramp sends the event again within seconds.")
    page = "admin:signal_delivery" if delivery.endpoint.is_stream else "admin:webhook_delivery"
    return redirect(page, delivery.pk)


def _found(delivery_id: int) -> WebhookDelivery:
    rows = WebhookDelivery.objects.select_related("endpoint__stream", "event__person", "person")
    return get_object_or_404(rows, pk=delivery_id)
