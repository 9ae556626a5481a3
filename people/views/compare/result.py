"""The result of a comparison: tabs of rows, the selection, and what became of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Comparison, ComparisonRow
from people.models.bulk_changes import UNDO_DAYS
from people.operations.comparison import requests
from people.operations.comparison.file_format import decode, read_table
from people.presentation.actor_names import actor_name
from people.presentation.page_links import BoundedPaginator
from people.presentation.spreadsheets import csv_lines, escape_formula
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

ROWS_A_PAGE = 50
Kind = ComparisonRow.Kind
Outcome = ComparisonRow.Outcome
REFUSED = "refused"


class RowSearch(forms.Form):
    q = forms.CharField(
        label="Filter",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={"type": "search", "placeholder": "Name or email address"}
        ),
    )


@dataclass(frozen=True)
class Tab:
    kind: str
    title: str
    count: int
    is_here: bool


@dataclass(frozen=True)
class Totals:
    """How many rows there are of each kind, and how many of them are selected."""

    rows: Mapping[str, int]
    selected: Mapping[str, int]
    refused: int

    @property
    def selected_count(self) -> int:
        return sum(self.selected.values())

    @property
    def new(self) -> int:
        return self.selected.get(Kind.NEW, 0)

    @property
    def different(self) -> int:
        return self.selected.get(Kind.DIFFERENT, 0)

    @property
    def gone(self) -> int:
        return self.selected.get(Kind.GONE, 0)

    @property
    def unreadable(self) -> int:
        return self.rows.get(Kind.UNREADABLE, 0)


def totals_of(comparison: Comparison) -> Totals:
    is_selected = Q(is_selected=True)
    counted = (
        comparison.rows.order_by()
        .values("kind")
        .annotate(
            all_rows=Count("pk"),
            selected=Count("pk", filter=is_selected),
            refused=Count("pk", filter=is_selected & Q(outcome=Outcome.REFUSED)),
        )
    )
    rows = list(counted.values_list("kind", "all_rows", "selected", "refused"))
    return Totals(
        {kind: count for kind, count, _, _ in rows},
        {kind: count for kind, _, count, _ in rows},
        sum(refused for *_, refused in rows),
    )


@administrator_required
def comparison(request: PersonRequest, comparison_id: UUID) -> HttpResponse:
    found = get_object_or_404(
        Comparison.objects.defer("content").select_related("change"), pk=comparison_id
    )
    if found.state == Comparison.State.UPLOADED:
        return redirect("admin:comparison_columns", comparison_id)
    if request.method == "POST":
        return _select(request, found)
    parent = ("Compare with a list", reverse("admin:compare"))
    context = page_context(request, found.file_name, parent=parent) | {
        "comparison": found,
        "by": actor_name(found.created_by),
        "kept_days": UNDO_DAYS,
    }
    if found.state != Comparison.State.COMPARING:
        context |= _rows_context(request, found)
    return render(request, "people/compare/comparison.html", context)


def _rows_context(request: PersonRequest, comparison: Comparison) -> dict[str, Any]:
    totals = totals_of(comparison)
    shown = _shown(request, totals)
    form = RowSearch(request.GET or None)
    words = form.cleaned_data["q"] if form.is_bound and form.is_valid() else ""
    rows = comparison.rows.select_related("person").order_by("number", "name", "pk")
    if shown == REFUSED:
        rows = rows.filter(outcome=Outcome.REFUSED, is_selected=True)
    else:
        rows = rows.filter(kind=shown)
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(email__icontains=words))
    tabs = [Tab(kind, kind.label, totals.rows.get(kind, 0), kind == shown) for kind in Kind]
    if totals.refused:
        tabs.insert(0, Tab(REFUSED, "Cannot be applied", totals.refused, shown == REFUSED))
    return {
        "totals": totals,
        "tabs": tabs,
        "shown": shown,
        "form": form,
        "words": words,
        "page": BoundedPaginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "may_select": comparison.may_be_applied and shown in (Kind.NEW, Kind.DIFFERENT, Kind.GONE),
    }


def _shown(request: PersonRequest, totals: Totals) -> str:
    asked = request.GET.get("show", "")
    if asked in (*Kind.values, REFUSED):
        return asked
    if totals.refused:
        return REFUSED
    # The first tab that has anything in it.
    return next((kind for kind in Kind if totals.rows.get(kind)), Kind.NEW)


def _select(request: PersonRequest, comparison: Comparison) -> HttpResponse:
    """Store the ticked rows of the page, then go where the button leads."""
    kind, button = request.POST.get("show", ""), request.POST.get("do", "")
    page = request.POST.get("page", "")
    try:
        if button == "leave-out":
            count = requests.leave_out_refused(comparison)
            messages.success(request, f"{count:,} rows were removed from the selection.")
            return redirect("admin:comparison", comparison.pk)
        if kind in Kind.values:
            shown = [one for one in request.POST.getlist("shown") if one.isdecimal()]
            ticked = [one for one in request.POST.getlist("row") if one.isdecimal()]
            requests.select(comparison, kind, shown=shown, ticked=ticked)
            if button in ("all", "none"):
                requests.select_all(comparison, kind, is_selected=button == "all")
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        if button == "apply":
            return redirect("admin:comparison_apply", comparison.pk)
        if button.isdecimal():
            page = button
    words = request.POST.get("q", "")
    query = urlencode({"show": kind, "q": words, "page": page})
    return redirect(f"{reverse('admin:comparison', args=[comparison.pk])}?{query}")


@administrator_required
def unreadable(request: PersonRequest, comparison_id: UUID) -> StreamingHttpResponse:
    """Download the unreadable rows as they are in the file, with their numbers and reasons."""
    found = get_object_or_404(Comparison, pk=comparison_id)
    return StreamingHttpResponse(
        _unreadable_lines(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="unreadable-rows.csv"'},
    )


def _unreadable_lines(comparison: Comparison) -> Iterator[str]:
    text = decode(bytes(comparison.content), comparison.encoding)
    table = read_table(text, comparison.separator)
    records = {record.number: record for record in table.records}
    found = comparison.rows.filter(kind=Kind.UNREADABLE).order_by("number")
    rows = (
        [str(number), explanation, *(records[number].cells if number in records else [])]
        for number, explanation in found.values_list("number", "explanation")
    )
    yield from csv_lines(["Row", "Reason", *map(escape_formula, table.header)], rows)
