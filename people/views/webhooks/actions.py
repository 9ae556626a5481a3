"""The pages with which a webhook endpoint is tested, paused, resumed and deleted."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from people.models import WebhookEndpoint
from people.operations.webhooks import endpoints, testing
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.webhooks.endpoints import endpoint_page, found, list_page


@administrator_required
def test_webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    """Send a test event, and show what the server responded."""
    endpoint = found(endpoint_id)
    parent = endpoint_page(endpoint)
    context = page_context(request, "Send a test event", parent=parent) | {
        "endpoint": endpoint,
        "result": testing.send_test(endpoint) if request.method == "POST" else None,
        "cancel": parent[1],
    }
    return render(request, "people/webhooks/test.html", context)


@administrator_required
def pause_webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    return _ask(
        request,
        found(endpoint_id),
        title="Pause this endpoint?",
        text="Ramp sends nothing to a paused endpoint. Deliveries that wait are sent when you "
        "resume it. Events that happen meanwhile are not sent; programs can read them from the "
        "event feed of the API.",
        submit="Pause endpoint",
        do=endpoints.pause_endpoint,
        done="The endpoint is paused.",
    )


@administrator_required
def resume_webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    return _ask(
        request,
        found(endpoint_id),
        title="Resume this endpoint?",
        text="Ramp sends the deliveries that wait, and the events that happen from now on. Send a "
        "test event first if the endpoint was paused because its server failed.",
        submit="Resume endpoint",
        do=endpoints.resume_endpoint,
        done="The endpoint is active.",
    )


@administrator_required
def retire_webhook_secret(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    return _ask(
        request,
        found(endpoint_id),
        title="Retire the older secret?",
        text="Ramp then signs only with the newer secret. A server that still has the older one "
        "refuses what Ramp sends. This cannot be undone.",
        submit="Retire older secret",
        do=endpoints.retire_older_secret,
        done="The older secret is retired.",
        danger=True,
    )


@administrator_required
def delete_webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    return _ask(
        request,
        found(endpoint_id),
        title="Delete this endpoint?",
        text="Ramp sends nothing more to it, and deletes its delivery log and its secrets. This "
        "cannot be undone.",
        submit="Delete endpoint",
        do=endpoints.delete_endpoint,
        done="The endpoint was deleted.",
        danger=True,
    )


def _ask(  # noqa: PLR0913  the texts of one page
    request: PersonRequest,
    endpoint: WebhookEndpoint,
    *,
    title: str,
    text: str,
    submit: str,
    do: Callable[..., Any],
    done: str,
    danger: bool = False,
) -> HttpResponse:
    """Ask on a page of its own, and do it when the answer is yes."""
    parent = endpoint_page(endpoint)
    if request.method == "POST":
        do(endpoint, actor=request.user.actor)
        messages.success(request, done)
        return redirect(list_page()[1] if do is endpoints.delete_endpoint else parent[1])
    context = page_context(request, title, parent=parent) | {
        "about": endpoint.url,
        "text": text,
        "submit": submit,
        "danger": danger,
        "cancel": parent[1],
    }
    return render(request, "people/question.html", context)
