"""The page that turns certification on and off, with the values that a suite asks for."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from scim.api.request import base_url
from scim.connections import certification, manage
from scim.models import Connection, Token
from scim.models.connection import TooManyTokens
from scim.tools.suite_values import suite_values
from scim.views.settings.overview import context_of, tokens_of


@administrator_required
@requires_recent_authentication
def certify(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    """Show the state and the suite's values; a POST has the button that was pressed."""
    connection = get_object_or_404(Connection, pk=connection_id)
    actor, token = request.user.actor, ""
    if request.method == "POST" and "token" in request.POST and connection.is_certifying:
        try:
            token = manage.add_token(connection, actor=actor)
        except TooManyTokens as error:
            messages.error(request, str(error))
    elif request.method == "POST":
        if "end" in request.POST:
            certification.end_certification(connection, actor=actor)
            messages.success(request, "Certification is off.")
        else:
            try:
                certification.start_certification(connection, actor=actor)
            except certification.NotLive as error:
                messages.error(request, str(error))
        return redirect("admin:scim_certification", connection_id)
    active = tokens_of(connection, timezone.now())
    values = suite_values(connection.provider, base_url(), token)
    context = context_of(request, connection, f"Certification of {connection}") | {
        "values": values.items(),
        "token": token,
        "may_add_token": not token and len(active) < Token.MAX_ACTIVE,
        "minutes": int(certification.LASTS.total_seconds() // 60),
        "is_okta": connection.provider == Connection.Provider.OKTA,
    }
    return render(request, "scim/settings/certification.html", context)
