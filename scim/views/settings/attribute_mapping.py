"""The attribute mapping, its preview, and the custom fields of the tenant."""

from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import CustomField
from people.operations import custom_fields
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from scim.connections import manage
from scim.jobs import mapping_coverage
from scim.jobs.reapply_preview import preview_reapply
from scim.models import Connection
from scim.views.settings.attribute_mapping_form import (
    EXAMPLES,
    EXTENSION_PATHS,
    CustomFieldForm,
    SourcesForm,
    sources_form,
)
from scim.views.settings.overview import context_of


class UnusedPath(NamedTuple):
    """A path that has a value in none of the resources that were checked."""

    label: str
    path: str
    found: int
    among: int


@administrator_required
def mapping(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    is_sent = request.method == "POST" and not connection.disconnected_at
    form = sources_form(connection, request.POST if is_sent else None)
    context: dict[str, Any] = {"form": form, "field_form": CustomFieldForm()}
    if form.is_valid():
        # A path with a typo is valid, but finds nothing. So a changed path that has no value in
        # the newest resources is saved only after a warning.
        changed = {
            name: path
            for name, path in form.mapping.items()
            if connection.mapping.get(name) != path
        }
        reach = mapping_coverage.path_coverage(connection, set(changed.values())) if changed else {}
        warned = [
            UnusedPath(form.labels[name], path, reach[path].found, reach[path].among)
            for name, path in changed.items()
            if not reach[path].found
        ]
        wanted = request.POST.get("do", "preview")
        if wanted == "save_anyway" or (wanted == "save" and not warned):
            return _save(request, connection, form)
        context |= {"warned": warned, "wanted": wanted, **_preview(connection, form)}
    return _page(request, connection, context)


def _page(request: PersonRequest, connection: Connection, context: dict[str, Any]) -> HttpResponse:
    usual = context_of(request, connection, f"Attribute mapping of {connection}") | {
        "examples": EXAMPLES,
        "extension_paths": mapping_coverage.extension_coverage(connection),
        "extension_paths_id": EXTENSION_PATHS,
        "custom_fields": CustomField.objects.order_by("name", "pk"),
    }
    return render(request, "scim/settings/attribute_mapping.html", usual | context)


def _save(request: PersonRequest, connection: Connection, form: SourcesForm) -> HttpResponse:
    values = {"mapping": form.mapping}
    if manage.revise(connection, values, actor=request.user.actor):
        messages.success(request, "The mapping was saved. It applies from the next request.")
        if connection.is_live:
            messages.info(
                request,
                "The sync cycle, which starts within five minutes, applies it to everyone the "
                "provider has sent.",
            )
    else:
        messages.success(request, "Nothing has changed.")
    return redirect("admin:scim_mapping", connection.pk)


class Line(NamedTuple):
    field: str
    before: str
    after: str


def _preview(connection: Connection, form: SourcesForm) -> dict[str, Any]:
    """Preview the mapping with the most recent resources."""
    if not connection.is_live:
        return {"previews": None}
    # The instance is not saved: the preview uses the mapping of the form.
    connection.mapping = form.mapping
    previews = preview_reapply(connection)
    labels = form.labels | {"pending_email": "Unconfirmed email address", "state": "State"}
    shown = [
        {
            "preview": preview,
            "lines": [
                Line(
                    labels.get(name.removeprefix("custom."), name),
                    preview.before.get(name, ""),
                    preview.after.get(name, ""),
                )
                for name in preview.changed
            ],
        }
        for preview in previews
        if preview.changed or preview.problem
    ]
    return {"previews": shown, "tried": len(previews), "same": len(previews) - len(shown)}


@administrator_required
def add_field(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    """Add a custom field; the form is on the page of the mapping."""
    connection = get_object_or_404(Connection, pk=connection_id)
    if request.method != "POST":
        return redirect("admin:scim_mapping", connection_id)
    form = CustomFieldForm(request.POST)
    if form.is_valid():
        try:
            field = custom_fields.add_custom_field(
                form.cleaned_data["name"],
                form.cleaned_data["external_name"],
                actor=request.user.actor,
            )
        except PeopleError as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, f"The custom field {field} was added.")
            return redirect("admin:scim_mapping", connection_id)
    context = {"form": sources_form(connection), "field_form": form}
    return _page(request, connection, context)


@administrator_required
def delete_field(request: PersonRequest, connection_id: UUID, field_id: int) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    field = get_object_or_404(CustomField, pk=field_id)
    if request.method == "POST":
        manage.delete_custom_field(field, actor=request.user.actor)
        messages.success(request, f"The field {field} was deleted.")
        return redirect("admin:scim_mapping", connection_id)
    context = context_of(request, connection, f"Delete the field {field}?") | {
        "field": field,
        "cancel": reverse("admin:scim_mapping", args=[connection_id]),
    }
    return render(request, "scim/settings/delete_field.html", context)
