"""The groups that a provider pushed, and their role mappings, each with a preview."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Event
from people.operations.roles.group_mappings import MappingChange, preview
from people.values import PeopleError, normalize_key
from people.views.group_mappings import (
    RoleForm,
    author_of,
    changed_text,
    is_confirmed,
    preview_context,
    progress_text,
)
from people.views.permissions import PersonRequest, administrator_required
from scim.models import Connection, GroupMapping, ScimGroup, ScimWaitingMember
from scim.sync import group_mappings
from scim.views.settings.overview import context_of
from scim.views.team_updates.common import page_of


class GroupSearch(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={"type": "search", "placeholder": "Name of the group"}
        ),
    )


@administrator_required
def groups(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    form = GroupSearch(request.GET)
    asked = form.cleaned_data["q"] if form.is_valid() else ""
    found = ScimGroup.objects.known_to(connection).filter(
        display_name_key__contains=normalize_key(asked)
    )
    here = Q(memberships__user__deleted_at=None)
    found = found.annotate(member_count=Count("memberships", filter=here))
    # A subquery, because a second join would multiply the members that are counted.
    waiting = ScimWaitingMember.objects.filter(group=OuterRef("pk")).order_by()
    found = found.annotate(
        waiting_count=Subquery(waiting.values("group").annotate(n=Count("pk")).values("n"))
    )
    # Mappings and nested groups are prefetched for all groups at once.
    found = found.prefetch_related("mappings__role", "subgroups__member")
    page = page_of(request, found.order_by("display_name_key", "pk"))
    context = context_of(request, connection, "Groups and roles") | {
        "form": form,
        "page": page,
        "rows": _rows(connection, list(page)),
        "is_searched": bool(asked),
    }
    return render(request, "scim/groups.html", context)


@administrator_required
def map_group(request: PersonRequest, connection_id: UUID, group_id: int) -> HttpResponse:
    """Ask for a role, preview the mapping, and apply it after confirmation."""
    connection = _live(connection_id)
    known = ScimGroup.objects.known_to(connection).select_related("connection")
    group = get_object_or_404(known, pk=group_id)
    asked = request.POST if request.method == "POST" else request.GET
    form = RoleForm(asked if "role" in asked else None, viewer=request.user)
    context, title = {"group": group, "form": form}, f"Roles of {group}"
    if not form.is_valid():
        return _page(request, connection, title, context)
    change = partial(
        group_mappings.map_group,
        group,
        form.chosen,
        author=author_of(request.user),
        is_owner_confirmed=form.confirms_owner,
    )
    try:
        return _preview_or_apply(request, connection, title, change, context)
    except PeopleError as error:
        form.add_error(error.field, str(error))
        return _page(request, connection, title, context)


@administrator_required
def unmap_group(request: PersonRequest, connection_id: UUID, mapping_id: int) -> HttpResponse:
    """Preview the removal of a mapping, and apply it after confirmation."""
    connection = _live(connection_id)
    mappings = GroupMapping.objects.filter(connection=connection)
    mapping = get_object_or_404(
        mappings.select_related("connection", "group__connection", "role"), pk=mapping_id
    )
    change = partial(group_mappings.unmap, mapping, author=author_of(request.user))
    return _preview_or_apply(request, connection, f"Roles of {mapping.group}", change, {})


def _live(connection_id: UUID) -> Connection:
    return get_object_or_404(Connection.objects.filter(disconnected_at=None), pk=connection_id)


@dataclass(frozen=True)
class Row:
    """A group, with how many others have its name, and its last renaming."""

    group: Any
    same_name: int
    renamed: Event | None


def _rows(connection: Connection, page: list[Any]) -> list[Row]:
    """Return each group with what tells it apart, in two queries for all of them."""
    known = ScimGroup.objects.known_to(connection)
    named = known.filter(display_name_key__in=[group.display_name_key for group in page])
    counts = dict(named.values_list("display_name_key").annotate(Count("pk")))
    renamed = Event.objects.filter(
        kind=Event.Kind.CONNECTION_CHANGED,
        person=None,
        facts__connection=str(connection.pk),
        facts__group__in=[str(group.scim_id) for group in page],
    )
    last = {event.facts["group"]: event for event in renamed.order_by("pk")}
    return [
        Row(group, counts[group.display_name_key] - 1, last.get(str(group.scim_id)))
        for group in page
    ]


def _preview_or_apply(
    request: PersonRequest,
    connection: Connection,
    title: str,
    change: Callable[[], MappingChange],
    context: dict[str, Any],
) -> HttpResponse:
    outcome = preview(change)
    if is_confirmed(request, outcome):
        done, is_all = group_mappings.apply(change)
        messages.success(request, f"{changed_text(done)}." if is_all else progress_text(done))
        return redirect("admin:scim_groups", connection.pk)
    return _page(request, connection, title, context | preview_context(request, outcome))


def _page(
    request: HttpRequest, connection: Connection, title: str, context: dict[str, Any]
) -> HttpResponse:
    back = reverse("admin:scim_groups", args=[connection.pk])
    context = context_of(request, connection, title) | {
        **context,
        "parent": {"title": "Groups and roles", "url": back},
        "back": back,
    }
    return render(request, "scim/map_group.html", context)
