"""The SCIM settings of one connection: its status and its policies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from people.models import CustomField, Event, Invite, Person
from people.presentation.actor_names import actor_name
from people.presentation.page_links import counted
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from scim.api.request import base_url
from scim.connections import manage
from scim.connections.status import sync_state
from scim.jobs import reapply
from scim.models import Connection, ScimGroup, ScimUser, SyncError
from scim.views.settings.activity_chart import last_day_of
from scim.views.settings.ignored import count_ignored
from scim.views.settings.policies_form import policies_form

MAX_EVENTS = 10
# More than any company has; it only limits the size of the switcher.
MAX_CONNECTIONS = 20


@administrator_required
def scim(request: HttpRequest) -> HttpResponse:
    """Redirect to the newest connection, or show how to connect one."""
    return _of_newest(request, "scim_settings", "SCIM settings")


@administrator_required
def self_test(request: HttpRequest) -> HttpResponse:
    """Redirect to the self-test of the newest connection, or show how to connect one."""
    return _of_newest(request, "scim_self_test", "Self-test")


@administrator_required
def dry_run(request: HttpRequest) -> HttpResponse:
    """Redirect to the dry run of the newest connection, or show how to connect one."""
    return _of_newest(request, "scim_what_if", "Dry run")


def _of_newest(request: HttpRequest, page: str, title: str) -> HttpResponse:
    known = _newest_first()
    current = next((one for one in known if not one.disconnected_at), None)
    if current:
        return redirect(f"admin:{page}", current.pk)
    integrations = ("Integrations", reverse("admin:integrations"))
    context = page_context(request, title, parent=integrations) | {"ended": known}
    return render(request, "scim/settings/no_connection.html", context)


@administrator_required
def settings(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    is_changing = request.method == "POST" and not connection.disconnected_at
    form = policies_form(connection, request.user, request.POST if is_changing else None)
    if form.is_valid():
        changed = manage.revise(connection, form.cleaned_data, actor=request.user.actor)
        result = "The policies were saved." if changed else "Nothing has changed."
        messages.success(request, f"{result} They apply from the next request.")
        return redirect("admin:scim_settings", connection_id)
    now = timezone.now()
    context = context_of(request, connection, f"SCIM settings: {connection}") | {
        "parent": {"title": "Integrations", "url": reverse("admin:integrations")},
        "others": [one for one in _newest_first() if one != connection],
        "sync": sync_state(connection, now),
        "last_day": last_day_of(connection, now),
        "ignored": count_ignored(connection),
        "numbers": _numbers(connection),
        "refused": _refused(connection),
        "form": form,
        "group_count": counted(ScimGroup.objects.known_to(connection)),
        "custom_field_count": CustomField.objects.count(),
        "tokens": tokens_of(connection, now),
        "history": _history(connection),
        "base_url": base_url(),
        "left": ""
        if connection.reapply_cursor is None
        else counted(reapply.reapply_remaining(connection)),
        "days": connection.tenant.auto_terminate_days,
    }
    return render(request, "scim/settings/overview.html", context)


def context_of(request: HttpRequest, connection: Connection, title: str) -> dict[str, Any]:
    """Return the context shared by the pages of a connection's settings."""
    home = reverse("admin:scim_settings", args=[connection.pk])
    return page_context(request, title, parent=(f"SCIM settings: {connection}", home)) | {
        "connection": connection,
        "home": home,
    }


def tokens_of(connection: Connection, now: datetime) -> list[Any]:
    """Return the active tokens, oldest first, each with its use."""
    tokens: list[Any] = list(connection.tokens.filter(revoked_at=None).order_by("pk"))
    for token in tokens:
        used = token.last_used_at
        token.is_in_use = used is not None and now - used < manage.IN_USE
    return tokens


def _newest_first() -> list[Connection]:
    newest = Connection.objects.order_by("-created_at", "pk")
    return sorted(newest[:MAX_CONNECTIONS], key=lambda one: one.disconnected_at is not None)


def _numbers(connection: Connection) -> dict[str, str]:
    invites = Invite.objects.filter(person=OuterRef("person"), source=Invite.Source.SCIM)
    theirs = ScimUser.objects.filter(connection=connection, person=OuterRef("pk"))
    out = Person.objects.filter(Exists(theirs), deactivated_by=str(connection.actor))
    return {
        "invited": counted(ScimUser.objects.filter(Exists(invites), connection=connection)),
        "inactive": counted(out.filter(state=Person.State.INACTIVE)),
        "terminated": counted(out.filter(state=Person.State.TERMINATED)),
    }


def _refused(connection: Connection) -> dict[str, int]:
    """Count the users and groups with open sync errors, and the requests that these are from."""
    listed = SyncError.objects.open().filter(connection=connection)
    totals = listed.aggregate(rows=Count("pk"), requests=Sum("times"))
    return {name: count or 0 for name, count in totals.items()}


def _history(connection: Connection) -> list[dict[str, Any]]:
    """Return the change history of the connection, newest first."""
    events = Event.objects.filter(
        kind=Event.Kind.CONNECTION_CHANGED, person=None, facts__connection=str(connection.pk)
    )
    history = []
    for event in events.order_by("-pk")[:MAX_EVENTS]:
        what = capfirst(str(event.facts.get("what", "changed")))
        names = ", ".join(name.replace("_", " ") for name in sorted(event.changes))
        history.append(
            {
                "what": f"{what}: {names}" if names else what,
                "actor": actor_name(event.actor),
                "at": event.happened_at,
            }
        )
    return history
