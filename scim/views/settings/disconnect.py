"""Disconnecting a connection."""

from time import monotonic
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from people.presentation.page_links import counted
from people.views.forms import NameForm
from people.views.permissions import PersonRequest, administrator_required
from scim.connections import manage
from scim.connections.presets import PRESETS
from scim.jobs import reapply
from scim.models import Connection, ScimUser
from scim.views.settings.overview import context_of

# Enough to release the fields of a few thousand people; the sync cycle does the rest.
SECONDS = 2


@administrator_required
def disconnect(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    if connection.disconnected_at:
        return redirect("admin:scim_settings", connection_id)
    form = NameForm(request.POST if request.method == "POST" else None, expected=str(connection))
    if form.is_valid():
        if manage.disconnect(connection, actor=request.user.actor):
            # A disconnected connection has its fields released, see `jobs.reapply`.
            reapply.reapply(connection, until=monotonic() + SECONDS)
            messages.success(request, f"{connection} is disconnected. People stay as they are.")
        return redirect("admin:scim_settings", connection_id)
    people = ScimUser.objects.known_to(connection).filter(person__isnull=False)
    context = context_of(request, connection, f"Disconnect {connection}?") | {
        "people": counted(people),
        "ending": PRESETS[connection.provider].guide.ending,
        "form": form,
    }
    return render(request, "scim/settings/disconnect.html", context)
