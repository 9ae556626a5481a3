"""The pages that list, add, show and change webhook endpoints."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import WebhookDelivery, WebhookEndpoint
from people.operations.webhooks import endpoints
from people.presentation.query_params import int_param
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from people.views.webhooks.forms import ALL, EndpointForm

LIST_TITLE = "Webhooks"
ROWS_A_PAGE = 50


def list_page() -> tuple[str, str]:
    return LIST_TITLE, reverse("admin:webhooks")


def endpoint_page(endpoint: WebhookEndpoint) -> tuple[str, str]:
    page = "admin:signal_stream" if endpoint.is_stream else "admin:webhook"
    return str(endpoint), reverse(page, args=[endpoint.pk])


def found(endpoint_id: UUID) -> WebhookEndpoint:
    """Return the endpoint of the tenant in force.

    :raises Http404: if there is none.
    """
    rows = WebhookEndpoint.objects.hooks().select_related("created_by", "tenant")
    return get_object_or_404(rows, pk=endpoint_id)


@administrator_required
def webhooks(request: PersonRequest) -> HttpResponse:
    tried = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), last_attempt_at__isnull=False)
    newest = tried.order_by("-last_attempt_at", "-pk")
    rows = WebhookEndpoint.objects.hooks().annotate(
        last_attempt_at=Subquery(newest.values("last_attempt_at")[:1]),
        last_state=Subquery(newest.values("state")[:1]),
        last_problem=Subquery(newest.values("problem")[:1]),
    )
    context = page_context(request, LIST_TITLE) | {"endpoints": rows.order_by("created_at", "pk")}
    return render(request, "people/webhooks/list.html", context)


@administrator_required
# A stolen session must not be enough to have all events sent elsewhere.
@requires_recent_authentication
def add_webhook(request: PersonRequest) -> HttpResponse:
    """Add an endpoint. Its secret is shown only in the response to the form."""
    form = EndpointForm(request.POST or None, initial={"events": ALL})
    if form.is_valid():
        person = request.user
        try:
            made = endpoints.add_endpoint(person, **form.settings, actor=person.actor)
        except PeopleError as error:
            form.add_error(error.field, str(error))
        else:
            return _page(request, found(made[0].pk), secret=made[1])
    context = page_context(request, "Add endpoint", parent=list_page()) | {
        "form": form,
        "submit": "Add endpoint",
        "cancel": reverse("admin:webhooks"),
    }
    return render(request, "people/webhooks/edit.html", context)


@administrator_required
def webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    return _page(request, found(endpoint_id))


@administrator_required
@requires_recent_authentication
def edit_webhook(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = found(endpoint_id)
    form = EndpointForm(request.POST) if request.method == "POST" else EndpointForm.of(endpoint)
    page = endpoint_page(endpoint)
    if form.is_valid():
        try:
            is_changed = endpoints.update_endpoint(
                endpoint, **form.settings, actor=request.user.actor
            )
        except PeopleError as error:
            form.add_error(error.field, str(error))
        else:
            done = "The endpoint was changed." if is_changed else "Nothing was changed."
            messages.success(request, done)
            return redirect(page[1])
    context = page_context(request, "Edit endpoint", parent=page) | {
        "form": form,
        "submit": "Save",
        "cancel": page[1],
    }
    return render(request, "people/webhooks/edit.html", context)


@administrator_required
@requires_recent_authentication
def rotate_webhook_secret(request: PersonRequest, endpoint_id: UUID) -> HttpResponse:
    """Create a second secret, which is shown only in the response."""
    endpoint = found(endpoint_id)
    if request.method == "POST":
        try:
            secret = endpoints.rotate_secret(endpoint, actor=request.user.actor)
        except PeopleError as error:
            messages.error(request, str(error))
            return redirect(endpoint_page(endpoint)[1])
        return _page(request, found(endpoint_id), secret=secret)
    parent = endpoint_page(endpoint)
    context = page_context(request, "Create a new secret?", parent=parent) | {"cancel": parent[1]}
    return render(request, "people/webhooks/rotate.html", context)


def _page(request: PersonRequest, endpoint: WebhookEndpoint, *, secret: str = "") -> HttpResponse:
    context: dict[str, Any] = page_context(request, str(endpoint), parent=list_page())
    context |= {"endpoint": endpoint, "new_secret": secret} | delivery_log(request, endpoint)
    return render(request, "people/webhooks/endpoint.html", context)


def delivery_log(request: PersonRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Return what the template of the delivery log needs.

    :raises Http404: if the request names a state that does not exist.
    """
    state = request.GET.get("state", "")
    before = int_param(request, "before")
    if state and state not in WebhookDelivery.State.values:
        raise Http404
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event", "person")
    if state:
        rows = rows.filter(state=state)
    if before:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: ROWS_A_PAGE + 1])
    for delivery in page:
        delivery.endpoint = endpoint
    return {
        "deliveries": page[:ROWS_A_PAGE],
        "older_than": page[ROWS_A_PAGE - 1].pk if len(page) > ROWS_A_PAGE else None,
        "is_later_page": bool(before),
        "tabs": _tabs(endpoint, state),
        "is_filtered": bool(state),
    }


def _tabs(endpoint: WebhookEndpoint, chosen: str) -> list[dict[str, Any]]:
    url = endpoint_page(endpoint)[1]
    states = [("", "All"), *WebhookDelivery.State.choices]
    return [
        {
            "title": title,
            "url": f"{url}?state={state}#deliveries" if state else f"{url}#deliveries",
            "is_chosen": state == chosen,
        }
        for state, title in states
    ]
