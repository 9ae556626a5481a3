"""The pages of a bulk edit: its form and its preview."""

from collections import Counter
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from people.models import BulkChange, Person
from people.models.bulk_changes import UNDO_DAYS
from people.models.field_table import LABELS
from people.operations.bulk import edit as operations
from people.operations.bulk import undo
from people.operations.bulk.edit_preview import EditPreview, PersonEdit
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError
from people.views.bulk.bulk_changes import SECONDS, people
from people.views.forms import LATER_ROLES
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.role_choices import offer_roles

PEOPLE_A_PAGE = 50
NO_CHANGE = "No change"
PEOPLE_PAGE = "admin:people_person_changelist"


class BulkEditForm(forms.Form):
    """The new values. An empty field does not change; a ticked box removes the value."""

    def __init__(self, *args: Any, viewer: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in operations.MODELS:
            column: Any = Person._meta.get_field(name)
            rows = Person.objects.in_lists() if name == "manager" else column.related_model.objects
            label = LABELS[name].capitalize()
            self.fields[name] = lookup_field(
                column, rows.all(), label=label, required=False, help_text="Empty: no change."
            )
            self.fields[f"remove_{name}"] = forms.BooleanField(
                label=f"Remove the {LABELS[name]}",
                required=False,
                widget=UnfoldBooleanSwitchWidget,
            )
        roles = [(role.value, role) for role in LATER_ROLES]
        self.fields["role"] = forms.ChoiceField(
            label="Role", required=False, widget=UnfoldAdminSelectWidget
        )
        offer_roles(self.fields["role"], roles, viewer=viewer, blank=NO_CHANGE)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for name in operations.MODELS:
            if data.get(name) and data.get(f"remove_{name}"):
                self.add_error(name, f"Select a {LABELS[name]}, or remove it, but not both.")
        if not (self.errors or self.values()):
            self.add_error(None, "Select at least one new value.")
        return data

    def values(self) -> dict[str, Any]:
        """Return the new values by field, None for a removed one."""
        data = self.cleaned_data
        values = {name: data[name] for name in operations.FIELDS if data.get(name)}
        removed = {name: None for name in operations.MODELS if data.get(f"remove_{name}")}
        return values | removed


@administrator_required
def bulk_edit(request: PersonRequest, change_id: UUID) -> HttpResponse:
    draft = get_object_or_404(BulkChange, pk=change_id, actor=str(request.user.actor))
    if not draft.is_draft:
        return redirect("admin:bulk_change", change_id)
    stored = draft.values or {}
    initial = {name: key for name, key in stored.items() if key}
    initial |= {f"remove_{name}": True for name, key in stored.items() if not key}
    data = request.POST if request.method == "POST" else None
    form = BulkEditForm(data, viewer=request.user, initial=initial)
    if form.is_valid():
        try:
            operations.set_values(draft, form.values(), actor=request.user.actor)
        except PeopleError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            return redirect("admin:bulk_edit_preview", change_id)
    title = f"Edit {people(draft.items.count())}"
    parent = ("People", reverse(PEOPLE_PAGE))
    context = page_context(request, title, parent=parent) | {
        "form": form,
        "submit": "Preview",
        "cancel": reverse(PEOPLE_PAGE),
    }
    return render(request, "people/bulk/edit.html", context)


@administrator_required
def bulk_edit_preview(request: PersonRequest, change_id: UUID) -> HttpResponse:
    draft = get_object_or_404(BulkChange, pk=change_id, actor=str(request.user.actor))
    if not draft.is_draft:
        return redirect("admin:bulk_change", change_id)
    if not draft.values:
        return redirect("admin:bulk_edit", change_id)
    if request.method == "POST":
        return _apply(request, draft)
    edits = EditPreview(draft, request.user)
    # People with a refusal come first, then those who change.
    ordered = sorted(edits.people, key=lambda one: (not one.refused, not one.changes))
    changing = sum(bool(one.changes) for one in edits.people)
    page = Paginator(ordered, PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    form_page = reverse("admin:bulk_edit", args=[change_id])
    title = f"Change {people(changing)}?" if changing else "Nobody changes"
    parent = (f"Edit {people(len(ordered))}", form_page)
    context = page_context(request, title, parent=parent) | {
        "values": [
            (LABELS[name].capitalize(), value or "none") for name, value in edits.names.items()
        ],
        "changing": people(changing) if changing else "",
        "unchanged": sum(not (one.changes or one.refused) for one in ordered),
        "reasons": _reasons(edits.people),
        "page": page,
        "form_page": form_page,
        "cancel": reverse(PEOPLE_PAGE),
        "undo_days": UNDO_DAYS,
    }
    return render(request, "people/bulk/edit_preview.html", context)


def _apply(request: PersonRequest, draft: BulkChange) -> HttpResponse:
    try:
        operations.apply_edit(draft, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        # Without a message if a job does the rest: the page shows the progress.
        if undo.run_batch(change=draft, seconds=SECONDS)[1]:
            outcomes = draft.items.model.Outcome
            count = draft.items.filter(outcome=outcomes.CHANGED).count()
            messages.success(request, f"{people(count)} {'was' if count == 1 else 'were'} changed.")
        else:
            undo.waker.wake()
    return redirect("admin:bulk_change", draft.pk)


def _reasons(edits: list[PersonEdit]) -> list[tuple[str, str]]:
    """Return the reasons that concern several people, the most frequent first."""
    counts = Counter(reason for edit in edits for reason in edit.refused)
    return [(people(count), reason) for reason, count in counts.most_common(5)]
