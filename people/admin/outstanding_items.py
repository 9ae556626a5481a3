"""The model admin of outstanding items: reimbursements, bills and transactions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
)
from unfold.decorators import display

from people import money
from people.admin.spend import SpendAdmin
from people.admin.spend_forms import OutstandingItemForm
from people.models import OutstandingItem
from people.operations.spend import approvals
from people.presentation.approval_text import approval_texts
from people.views.permissions import PersonRequest


class OutstandingFilter(DropdownFilter):
    """Filters by state. Settled items are hidden by default."""

    title = "status"
    parameter_name = "status"
    all_option = ("", "Outstanding")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [*OutstandingItem.State.choices, ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "all":
                return queryset
            case str() as state if state in OutstandingItem.State:
                return queryset.filter(state=state)
            case _:
                return queryset.filter(state__in=OutstandingItem.OUTSTANDING)


@admin.register(OutstandingItem)
class OutstandingItemAdmin(SpendAdmin):
    address = "spend/outstanding-items/"
    title = "Reimbursements, bills and transactions"
    nothing_heading = "No outstanding items"
    nothing_yet = "Choose “All” in the filter to see settled items."
    person_field = "person"
    form = OutstandingItemForm
    list_display = ("description", "who", "kind", "money", "state")
    list_filter = (
        OutstandingFilter,
        ("kind", ChoicesDropdownFilter),
        ("person", AutocompleteSelectFilter),
    )
    list_select_related = ("person",)
    search_fields = ("description", "person__given_name", "person__family_name")
    search_help_text = "Description or person"
    ordering = ("-created_at", "pk")
    autocomplete_fields = ("person",)

    def get_fields(self, request: HttpRequest, obj: OutstandingItem | None = None) -> list[str]:
        if obj is None:
            return ["person", "kind", "description", "sum", "state", "workflow"]
        return ["who", "kind", "description", "money", "state", "decisions"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: OutstandingItem | None = None
    ) -> list[str]:
        return ["who", "money", "kind", "description", "decisions"] if obj else ["who", "money"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": self.title, **(extra_context or {})})

    def save_model(
        self,
        request: PersonRequest,
        obj: OutstandingItem,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        save = approvals.settle_outstanding_item if change else approvals.record_outstanding_item
        save(obj, actor=request.user.actor)
        workflow = form.cleaned_data.get("workflow")
        if workflow:
            approvals.request_approval(obj, workflow)

    @display(description="Amount")
    def money(self, outstanding_item: OutstandingItem) -> str:
        return money.format_amount(outstanding_item.amount, outstanding_item.currency)

    @display(description="Approvals")
    def decisions(self, outstanding_item: OutstandingItem) -> str:
        lines = [
            (f"{one.step}: {text}", f" “{one.reason}”" if one.reason else "")
            for one, text in approval_texts(outstanding_item)
        ]
        return format_html_join("", "<div>{}{}</div>", lines) or "None requested"
