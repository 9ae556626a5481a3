"""The pages with which a stream is verified, stopped, enabled and deleted, and the key rotated."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from people.models import SignalStream
from people.operations.signals import keys, streams
from people.operations.signals.streams import Status
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.signals.streams import found, list_page
from people.views.webhooks.endpoints import endpoint_page


@administrator_required
def verify_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    stream = found(stream_id)
    return _ask(
        request,
        stream,
        title="Send a verification event?",
        text="The event contains nothing about people. It appears in the delivery log with what "
        "the receiver responded.",
        submit="Send verification event",
        do=lambda: streams.verify(stream),
        done="Ramp sends the verification event within seconds."
        if stream.is_push
        else "The receiver gets the verification event when it polls.",
    )


@administrator_required
def pause_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    return _stop(
        request,
        found(stream_id),
        Status.PAUSED,
        title="Pause this stream?",
        text="Ramp keeps the events that happen while the stream is paused, and sends them when "
        "you enable it again. Until then, the receiver does not learn who left.",
        submit="Pause stream",
        done="The stream is paused.",
    )


@administrator_required
def disable_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    return _stop(
        request,
        found(stream_id),
        Status.DISABLED,
        title="Disable this stream?",
        text="Ramp drops the events that wait, and those that happen while the stream is disabled.",
        submit="Disable stream",
        done="The stream is disabled.",
    )


@administrator_required
def enable_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    stream = found(stream_id)
    actor = request.user.actor
    return _ask(
        request,
        stream,
        title="Enable this stream?",
        text="Ramp sends the events that wait, and those that happen from now on.",
        submit="Enable stream",
        do=lambda: streams.set_status(stream, Status.ENABLED, actor=actor, is_told=True),
        done="The stream is enabled.",
    )


@administrator_required
def delete_signal_stream(request: PersonRequest, stream_id: UUID) -> HttpResponse:
    stream = found(stream_id)
    return _ask(
        request,
        stream,
        title="Delete this stream?",
        text="Ramp sends nothing more to the receiver, and deletes the delivery log. This cannot "
        "be undone.",
        submit="Delete stream",
        do=lambda: streams.delete_stream(stream, actor=request.user.actor),
        done="The stream was deleted.",
        is_final=True,
    )


@administrator_required
def rotate_signal_key(request: PersonRequest) -> HttpResponse:
    if request.method == "POST":
        keys.rotate_key(request.user.tenant_id, actor=request.user.actor)
        messages.success(request, "Ramp signs with the new key.")
        return redirect(list_page()[1])
    title = "Create a new signing key?"
    context = page_context(request, title, parent=list_page()) | {
        "text": "Ramp signs with it at once. Receivers find both keys at the JWKS address; the "
        "older one is published for 7 more days.",
        "submit": "Create new key",
        "cancel": list_page()[1],
    }
    return render(request, "people/question.html", context)


def _stop(  # noqa: PLR0913  the texts of one page
    request: PersonRequest,
    stream: SignalStream,
    status: Status,
    *,
    title: str,
    text: str,
    submit: str,
    done: str,
) -> HttpResponse:
    def stop() -> None:
        # Outside of a transaction, because it may send an event.
        streams.announce(stream, status)
        streams.set_status(stream, status, actor=request.user.actor, is_told=False)

    return _ask(request, stream, title=title, text=text, submit=submit, do=stop, done=done)


def _ask(  # noqa: PLR0913  the texts of one page
    request: PersonRequest,
    stream: SignalStream,
    *,
    title: str,
    text: str,
    submit: str,
    do: Callable[[], object],
    done: str,
    is_final: bool = False,
) -> HttpResponse:
    """Ask on a page of its own, and do it when the answer is yes."""
    parent = endpoint_page(stream.endpoint)
    if request.method == "POST":
        try:
            do()
        except PeopleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return redirect(list_page()[1] if is_final else parent[1])
    context = page_context(request, title, parent=parent) | {
        "about": stream.endpoint.url,
        "text": text,
        "submit": submit,
        "danger": is_final,
        "cancel": parent[1],
    }
    return render(request, "people/question.html", context)
