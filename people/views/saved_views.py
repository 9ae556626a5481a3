"""The pages to choose the columns of the People page, and to save, list and delete views."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
    UnfoldBooleanWidget,
)

from people.models import SavedView
from people.presentation.people_columns import (
    COLUMNS,
    DEFAULT,
    NAME,
    Layout,
    layout_for,
    url_of,
)
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

PEOPLE = "admin:people_person_changelist"
# Parameters of the list that belong to the page of the moment, and not to a view.
PASSING = ("view", "columns", "o", "p", "e")
MAX_QUERY = 2000


class ColumnsForm(forms.Form):
    """Which columns the list has, in which order, and how it is sorted."""

    order = forms.ChoiceField(
        label="Sort by",
        choices=[(name, column.label) for name, column in COLUMNS.items() if column.order],
        widget=UnfoldAdminSelectWidget,
    )
    is_descending = forms.BooleanField(
        label="Descending", required=False, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, data: Any = None, *, layout: Layout) -> None:
        order = layout.order or NAME
        initial: dict[str, Any] = {
            "order": order.removeprefix("-"),
            "is_descending": order.startswith("-"),
        }
        # The chosen columns come first, in their order.
        names = [*layout.columns, *(name for name in COLUMNS if name not in layout.columns)]
        super().__init__(data, initial=initial)
        for place, name in enumerate(names[1:], start=1):
            label = COLUMNS[name].label
            self.fields[f"show_{name}"] = forms.BooleanField(
                label=f"Show {label}",
                required=False,
                initial=name in layout.columns,
                widget=UnfoldBooleanWidget,
            )
            self.fields[f"place_{name}"] = forms.IntegerField(
                label=f"Position of {label}",
                min_value=1,
                max_value=99,
                required=False,
                initial=place,
                widget=UnfoldAdminIntegerFieldWidget(attrs={"aria-label": f"Position of {label}"}),
            )
        self.names = names[1:]

    def rows(self) -> list[tuple[str, Any, Any]]:
        """Return label, checkbox and position of each column but the name."""
        return [
            (COLUMNS[name].label, self[f"show_{name}"], self[f"place_{name}"])
            for name in self.names
        ]

    def columns(self) -> list[str]:
        data = self.cleaned_data
        shown = [name for name in self.names if data[f"show_{name}"]]
        return [NAME, *sorted(shown, key=lambda name: data[f"place_{name}"] or 99)]

    def order_text(self) -> str:
        sign = "-" if self.cleaned_data["is_descending"] else ""
        return f"{sign}{self.cleaned_data['order']}"


class ViewForm(forms.Form):
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget)
    is_shared = forms.BooleanField(
        label="Share with the other administrators",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )


@administrator_required
def people_columns(request: PersonRequest) -> HttpResponse:
    """Change the columns of the administrator's own layout, or of their open view."""
    layout = layout_for(request.user, request.GET.get("view", ""))
    view = layout.view if layout.view and layout.view.owner_id == request.user.pk else None
    query = QueryDict(_filters(request), mutable=True)
    if view:
        query["view"] = str(view.pk)
    list_url = f"{reverse(PEOPLE)}?{query.urlencode()}"
    name = view.name if view else ""
    if request.method == "POST" and "reset" in request.POST:
        _store(request, name, columns=list(DEFAULT), order="")
        messages.success(request, "The columns were reset.")
        return redirect(list_url)
    form = ColumnsForm(request.POST if request.method == "POST" else None, layout=layout)
    if form.is_valid():
        _store(request, name, columns=form.columns(), order=form.order_text())
        messages.success(request, "The columns were saved.")
        return redirect(list_url)
    title = f"Columns of {view.name}" if view else "Columns"
    context = page_context(request, title, parent=("People", list_url)) | {
        "form": form,
        "submit": "Save",
        "cancel": list_url,
    }
    return render(request, "people/list/columns.html", context)


@administrator_required
def saved_views(request: PersonRequest) -> HttpResponse:
    views = list(SavedView.objects.usable_by(request.user).exclude(name="").select_related("owner"))
    context = page_context(request, "Saved views", parent=("People", reverse(PEOPLE))) | {
        "views": [(view, url_of(view)) for view in views]
    }
    return render(request, "people/list/saved_views.html", context)


@administrator_required
def save_view(request: PersonRequest) -> HttpResponse:
    """Save the filters, columns and order of the list under a name.

    A view of the administrator with this name is replaced.
    """
    layout = layout_for(request.user, request.GET.get("view", ""))
    own = layout.view if layout.view and layout.view.owner_id == request.user.pk else None
    initial = {"name": own.name, "is_shared": own.is_shared} if own else {}
    data = request.POST if request.method == "POST" else None
    form = ViewForm(data, initial=initial)
    filters = _filters(request)
    if form.is_valid() and len(filters) > MAX_QUERY:
        form.add_error(None, "These are too many filters for a saved view. Remove some of them.")
    if form.is_valid():
        view = _store(
            request,
            form.cleaned_data["name"],
            is_shared=form.cleaned_data["is_shared"],
            filters=filters,
            columns=list(layout.columns),
            order=layout.order,
        )
        messages.success(request, f"The view “{view.name}” was saved.")
        return redirect(url_of(view))
    list_url = f"{reverse(PEOPLE)}?{request.GET.urlencode()}"
    context = page_context(request, "Save view", parent=("People", list_url)) | {
        "form": form,
        "submit": "Save",
        "cancel": list_url,
    }
    return render(request, "people/list/save_view.html", context)


@administrator_required
def delete_view(request: PersonRequest, view_id: int) -> HttpResponse:
    view = get_object_or_404(SavedView.objects.exclude(name=""), pk=view_id, owner=request.user)
    if request.method == "POST":
        view.delete()
        messages.success(request, f"The view “{view.name}” was deleted.")
        return redirect("admin:saved_views")
    parent = ("Saved views", reverse("admin:saved_views"))
    context = page_context(request, "Delete this view?", parent=parent) | {
        "about": view.name,
        "text": "It is shared: the other administrators lose it too."
        if view.is_shared
        else "Nobody else sees it. The people in it are not changed.",
        "submit": "Delete view",
        "danger": True,
        "cancel": parent[1],
    }
    return render(request, "people/question.html", context)


def _store(request: PersonRequest, name: str, **values: Any) -> SavedView:
    view, _ = SavedView.objects.update_or_create(
        owner=request.user, name=name, defaults=values | {"tenant_id": request.user.tenant_id}
    )
    stored: SavedView = view
    return stored


def _filters(request: PersonRequest) -> str:
    query = request.GET.copy()
    for name in PASSING:
        query.pop(name, None)
    return query.urlencode()
