"""Model admins of cards and funds."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
)
from unfold.decorators import display

from people import money
from people.admin.model_admin import CompanyAdmin
from people.admin.spend_forms import CardForm, FundForm
from people.models import Card, Fund
from people.operations.spend import cards_and_funds
from people.operations.spend.cards_and_funds import Instrument
from people.views.permissions import PersonRequest


class EndedFilter(DropdownFilter):
    """Filters by status. Ended cards and funds are hidden by default."""

    title = "status"
    parameter_name = "status"
    all_option = ("", "Usable")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("ended", "Ended"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "all":
                return queryset
            case "ended":
                return queryset.filter(ended_at__isnull=False)
            case _:
                return queryset.filter(ended_at=None)


class SpendAdmin(CompanyAdmin):
    """The base for rows that are ended or settled, but never deleted."""

    person_field: str
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Person")
    def who(self, row: Any) -> str:
        person = getattr(row, self.person_field)
        return render_to_string("people/person/_manager.html", {"manager": person})


class SpendInstrumentAdmin(SpendAdmin):
    @display(
        description="Status",
        label={"Usable": "success", "Ended": "info", "Holder not active": "warning"},
    )
    def status(self, instrument: Instrument) -> str:
        if instrument.ended_at:
            return "Ended"
        return (
            "Usable"
            if getattr(instrument, self.person_field).state == "active"
            else "Holder not active"
        )

    @display(description="Status")
    def standing(self, instrument: Instrument) -> str:
        person = getattr(instrument, self.person_field)
        end = reverse(f"admin:{self.opts.model_name}_end", args=[instrument.pk])
        context = {"instrument": instrument, "person": person, "end": end}
        return render_to_string("people/spend/_status.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Make ended cards and funds read-only."""
        return super().has_change_permission(request, obj) and not (obj and obj.ended_at)


@admin.register(Card)
class CardAdmin(SpendInstrumentAdmin):
    address = "spend/cards/"
    nothing_heading = "No usable cards"
    nothing_yet = "Issue a card, or choose “All” in the filter to see ended cards."
    person_field = "holder"
    form = CardForm
    list_display = ("name", "who", "kind", "number", "limit", "status")
    list_filter = (
        EndedFilter,
        ("kind", ChoicesDropdownFilter),
        ("holder", AutocompleteSelectFilter),
    )
    list_select_related = ("holder",)
    search_fields = ("name", "last_four", "holder__given_name", "holder__family_name")
    search_help_text = "Card, last four digits or holder"
    ordering = ("name", "pk")
    autocomplete_fields = ("holder",)

    def get_fields(self, request: HttpRequest, obj: Card | None = None) -> list[str]:
        if obj is None:
            return ["holder", "name", "kind", "limit"]
        shown = ["standing", "who", "kind", "number"]
        return [*shown, "limit_shown"] if obj.ended_at else [*shown, "name", "limit"]

    def get_readonly_fields(self, request: HttpRequest, obj: Card | None = None) -> list[str]:
        shown = ["standing", "who", "number", "limit_shown"]
        return [*shown, "kind"] if obj else shown

    def save_model(
        self,
        request: PersonRequest,
        obj: Card,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        save = cards_and_funds.change_card if change else cards_and_funds.issue_card
        save(obj, actor=request.user.actor)

    @display(description="Number")
    def number(self, card: Card) -> str:
        return f"•••• {card.last_four}"

    @display(description="Monthly limit")
    def limit(self, card: Card) -> str:
        return money.format_amount(card.monthly_limit, card.currency)

    # The form has a field `limit`, so the read-only column of an ended card needs another name.
    limit_shown = limit


@admin.register(Fund)
class FundAdmin(SpendInstrumentAdmin):
    address = "spend/funds/"
    nothing_heading = "No usable funds"
    nothing_yet = "Open a fund, or choose “All” in the filter to see ended funds."
    person_field = "owner"
    form = FundForm
    list_display = ("name", "who", "sharing", "left", "largest_payment", "status")
    list_filter = (
        EndedFilter,
        ("owner", AutocompleteSelectFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("name", "owner__given_name", "owner__family_name")
    search_help_text = "Fund or owner"
    ordering = ("name", "pk")
    autocomplete_fields = ("owner",)

    def get_fields(self, request: HttpRequest, obj: Fund | None = None) -> list[str]:
        if obj is None:
            return ["owner", "name", "is_shared", "opening_balance", "largest"]
        shown = ["standing", "who", "left"]
        if obj.ended_at:
            return [*shown, "sharing", "largest_payment"]
        # The form asks for an amount to add, not for the new balance: purchases may change the
        # balance while the form is open.
        return [*shown, "more", "name", "is_shared", "largest"]

    def get_readonly_fields(self, request: HttpRequest, obj: Fund | None = None) -> list[str]:
        return ["standing", "who", "left", "sharing", "largest_payment"]

    def save_model(
        self,
        request: PersonRequest,
        obj: Fund,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            cards_and_funds.change_fund(obj, more=form.units_more, actor=request.user.actor)
        else:
            cards_and_funds.open_fund(obj, actor=request.user.actor)

    @display(description="Balance")
    def left(self, fund: Fund) -> str:
        return money.format_amount(fund.balance, fund.currency)

    @display(description="Payment limit")
    def largest_payment(self, fund: Fund) -> str | None:
        if fund.payment_limit is None:
            return None
        return money.format_amount(fund.payment_limit, fund.currency)

    @display(description="Used by", ordering="is_shared")
    def sharing(self, fund: Fund) -> str:
        return "A team" if fund.is_shared else "The owner"
