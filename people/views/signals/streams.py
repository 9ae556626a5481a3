"""The pages that list, add, show and change signal streams."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import SignalStream, WebhookDelivery
from people.operations.signals import keys, metadata, streams
from people.operations.signals.event_types import SignalType
from people.operations.signals.security_events import events_delivered
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from people.views.signals.forms import NewStreamForm, StreamForm
from people.views.webhooks.endpoints import delivery_log, endpoint_page

LIST_TITLE = "Signal streams"


def list_page() -> tuple[str, str]:
    return LIST_TITLE, reverse("admin:signal_streams")


def found(stream_id: UUID) -> SignalStream:
    """Return the stream of the tenant in force.

    :raises Http404: if there is none.
    """
    rows = SignalStream.objects.select_related("endpoint__created_by", "tenant")
    return get_object_or_404(rows, pk=stream_id)


@administrator_required
def signal_streams(request: PersonRequest) -> HttpResponse:
    """List the streams, and show the addresses and the signing keys of the transmitter."""
    newest = WebhookDelivery.objects.filter(
        endpoint=OuterRef("pk"), last_attempt_at__isnull=False
    ).order_by("-last_attempt_at")
    rows = SignalStream.objects.select_related("endpoint").annotate(
        last_attempt_at=Subquery(newest.values("last_attempt_at")[:1]),
        last_state=Subquery(newest.values("state")[:1]),
        last_problem=Subquery(newest.values("problem")[:1]),
    )
    tenant = request.user.tenant
    context = page_context(request, LIST_TITLE) | {
        "streams": rows.order_by("endpoint__created_at", "pk"),
        "issuer": metadata.issuer_of(tenant),
        "configuration_url": metadata.configuration_url(tenant),
        "signing_keys": keys.published_keys(),
    }
    return render(request, "people/signals/list.html", context)


@administrator_required
# A stolen session must not be enough to learn who leaves.
@requires_recent_authentication
def add_signal_stream(request: PersonRequest) -> HttpResponse:
    initial = {
        "method": SignalStream.Method.PUSH,
        "subject_format": SignalStream.SubjectFormat.EMAIL,
        "events": [signal.value for signal in SignalType if not signal.is_scim],
    }
    form = NewStreamForm(request.POST or None, initial=initial)
    if form.is_valid():
        person, values = request.user, form.cleaned_data
        try:
            stream = streams.add_stream(
                person,
                form.chosen,
                audience=values["audience"],
                subject_format=values["subject_format"],
                actor=person.actor,
            )
        except PeopleError as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "The stream was added.")
            return redirect("admin:signal_stream", stream.pk)
    return _form_page(request, form, "Add stream", list_page())


@administrator_required
def signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    stream = found(stream_id)
    delivered = events_delivered(stream)
    context: dict[str, Any] = page_context(request, str(stream), parent=list_page()) | {
        "stream": stream,
        "events": [signal for signal in SignalType if signal in delivered],
        "poll_url": "" if stream.is_push else metadata.poll_url(stream),
    }
    context |= delivery_log(request, stream.endpoint)
    return render(request, "people/signals/stream.html", context)


@administrator_required
@requires_recent_authentication
def edit_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    stream = found(stream_id)
    page = endpoint_page(stream.endpoint)
    if request.method == "POST":
        form = StreamForm(request.POST)
        form.adapt_to(stream)
    else:
        form = StreamForm.of(stream)
    if form.is_valid():
        try:
            streams.update_stream(stream, form.chosen, actor=request.user.actor)
        except PeopleError as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "The stream was changed.")
            return redirect(page[1])
    return _form_page(request, form, "Edit stream", page)


def _form_page(
    request: PersonRequest, form: StreamForm, title: str, parent: tuple[str, str]
) -> HttpResponse:
    is_new = isinstance(form, NewStreamForm)
    context = page_context(request, title, parent=parent) | {
        "form": form,
        "submit": "Add stream" if is_new else "Save",
        "cancel": parent[1],
    }
    return render(request, "people/signals/edit.html", context)
