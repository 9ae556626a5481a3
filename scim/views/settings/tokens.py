"""The tokens of a connection, and how to replace one without downtime."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from people.views.forms import NameForm
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from scim.api.request import base_url
from scim.connections import manage
from scim.models import Connection, Token
from scim.models.connection import TooManyTokens
from scim.views.settings.overview import context_of, tokens_of

REVOKED_SHOWN = 10


@administrator_required
@requires_recent_authentication
def tokens(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    new = ""
    if request.method == "POST" and connection.disconnected_at:
        messages.error(request, f"{connection} is disconnected, so no token can be added.")
    elif request.method == "POST":
        try:
            new = manage.add_token(connection, actor=request.user.actor)
        except TooManyTokens as error:
            messages.error(request, str(error))
    active = tokens_of(connection, timezone.now())
    # A token is replaced in steps: 1 add a new one, 2 enter it at the provider and wait until it is
    # used, 3 revoke the old one.
    step = 1
    if len(active) >= Token.MAX_ACTIVE:
        step = 3 if active[-1].last_used_at else 2
    context = context_of(request, connection, f"Tokens of {connection}") | {
        "tokens": active,
        "revoked": connection.tokens.exclude(revoked_at=None).order_by("-pk")[:REVOKED_SHOWN],
        "new": new,
        "base_url": base_url(),
        "may_add": len(active) < Token.MAX_ACTIVE and not connection.disconnected_at,
        "step": step,
    }
    return render(request, "scim/settings/tokens.html", context)


@administrator_required
def revoke(request: PersonRequest, connection_id: UUID, token_id: int) -> HttpResponse:
    active = Token.objects.filter(connection=connection_id, revoked_at=None)
    token = get_object_or_404(active.select_related("connection"), pk=token_id)
    connection = token.connection
    is_needed = manage.is_only_one_in_use(token, timezone.now())
    form = NameForm(request.POST if request.method == "POST" else None, expected=str(connection))
    # Only a token without which the provider could not sync needs the typed confirmation.
    if request.method == "POST" and (form.is_valid() or not is_needed):
        if manage.retire_token(token, actor=request.user.actor):
            messages.success(request, f"The token {token} was revoked.")
        return redirect("admin:scim_tokens", connection_id)
    context = context_of(request, connection, f"Revoke the token {token}?") | {
        "token": token,
        "is_needed": is_needed,
        "form": form,
        "cancel": reverse("admin:scim_tokens", args=[connection_id]),
    }
    return render(request, "scim/settings/revoke_token.html", context)
