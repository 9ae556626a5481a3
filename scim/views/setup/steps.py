"""The setup steps of a connection; progress is stored in its row, not in the session."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from scim.connections import setup
from scim.models import Connection, RequestLog, ScimGroup, ScimUser
from scim.views.catalog import overview_page
from scim.views.setup.common import StartForm, context_of
from scim.views.setup.it_link import it_link_context

LATEST_SHOWN = 5

Step = Callable[[Any, Connection], HttpResponse]


def with_setup_connection(view: Step) -> Callable[[HttpRequest, str], HttpResponse]:
    """Pass the connection that is being set up; redirect if there is none."""

    @administrator_required
    @wraps(view)
    def found(request: HttpRequest, provider: str) -> HttpResponse:
        connection = setup.in_setup(provider)
        if connection is not None:
            return view(request, connection)
        if setup.live(provider):
            return redirect("admin:setup_activate", provider)
        messages.info(request, "Start here.")
        return redirect("admin:integration", provider)

    return found


@with_setup_connection
@require_safe
def resume(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Redirect to the next step."""
    if not setup.newest_token(connection):
        return redirect("admin:setup_token", connection.provider)
    has_requests = RequestLog.objects.filter(connection=connection).exists()
    return redirect(
        "admin:setup_review" if has_requests else "admin:setup_steps", connection.provider
    )


@administrator_required
@requires_recent_authentication
def token(request: PersonRequest, provider: str) -> HttpResponse:
    """Create a token and show it once, in the response of the same request."""
    if request.method != "POST":
        return token_page(request, provider)
    form = StartForm(provider, request.POST)
    if not form.is_valid():
        return overview_page(request, provider, form)
    values = form.cleaned_data
    defaults = {name: values.get(name, "") for name in ("department", "location")}
    try:
        connection = setup.start(provider, actor=request.user.actor, **defaults)
    except PeopleError as error:
        messages.error(request, str(error))
        return redirect("admin:integration", provider)
    new_token = setup.next_token(connection, after=values["after"], actor=request.user.actor)
    if new_token is None:
        messages.info(request, "The token was already shown when it was created.")
        return redirect("admin:setup_token", provider)
    context = context_of(
        request,
        provider,
        "setup_token",
        connection=connection,
        token=new_token,
        **it_link_context(connection),
    )
    return render(request, "scim/setup/token.html", context)


@with_setup_connection
def token_page(request: HttpRequest, connection: Connection) -> HttpResponse:
    active_token = connection.tokens.filter(revoked_at=None).order_by("-pk").first()
    context = context_of(
        request,
        connection.provider,
        "setup_token",
        connection=connection,
        active_token=active_token,
        after=setup.newest_token(connection),
        **it_link_context(connection),
    )
    return render(request, "scim/setup/token.html", context)


@with_setup_connection
@require_safe
def steps(request: HttpRequest, connection: Connection) -> HttpResponse:
    context = context_of(
        request,
        connection.provider,
        "setup_steps",
        connection=connection,
        **it_link_context(connection),
    )
    return render(request, "scim/setup/steps.html", context)


@with_setup_connection
@require_safe
def first_request(request: HttpRequest, connection: Connection) -> HttpResponse:
    logs = RequestLog.objects.filter(connection=connection)
    used = connection.tokens.exclude(last_used_at=None).order_by("-last_used_at").first()
    first = logs.order_by("received_at").first()
    refused = logs.filter(status__gte=400).order_by("-received_at")[:LATEST_SHOWN]
    agent = used.last_user_agent if used else ""
    if first and not agent:
        agent = str(first.headers.get("User-Agent", ""))
    context = context_of(
        request,
        connection.provider,
        "setup_first_request",
        connection=connection,
        has_token=connection.tokens.filter(revoked_at=None).exists(),
        used=used,
        first=first,
        agent=agent,
        latest=logs.order_by("-received_at")[:LATEST_SHOWN],
        refusals=[{"log": log, "message": _detail(log)} for log in refused],
        user_count=ScimUser.objects.known_to(connection).count(),
        group_count=ScimGroup.objects.known_to(connection).count(),
    )
    return render(request, "scim/setup/first_request.html", context)


@with_setup_connection
def abandon(request: PersonRequest, connection: Connection) -> HttpResponse:
    if request.method == "POST":
        try:
            setup.abandon(connection, actor=request.user.actor)
        except PeopleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The setup of {connection} was canceled.")
        return redirect("admin:integration", connection.provider)
    context = context_of(
        request,
        connection.provider,
        "setup_abandon",
        connection=connection,
        user_count=ScimUser.objects.known_to(connection).count(),
        group_count=ScimGroup.objects.known_to(connection).count(),
    )
    context["title"] = f"Cancel the setup of {context['guide'].name}?"
    return render(request, "scim/setup/abandon.html", context)


def _detail(log: RequestLog) -> str:
    try:
        return str(json.loads(log.answer)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""
