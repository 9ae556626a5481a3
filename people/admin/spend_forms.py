"""Forms for cards, funds and outstanding items, with amounts as decimal numbers."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from people import money
from people.models import OutstandingItem, Person, Workflow
from people.operations.offboarding.handover_plan import currency_of
from people.operations.spend import approvals
from people.operations.spend.cards_and_funds import HolderInactive
from people.values import PeopleError

# Small enough that a sum of many amounts fits into a bigint.
MAX = Decimal(10) ** 12
CURRENCY = "In the currency of the person's entity."


def amount(label: str, *, required: bool = True, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=required,
        min_value=0,
        max_value=MAX,
        help_text=help_text,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )


class MoneyForm(forms.ModelForm[Any]):
    """Converts amounts to the smallest unit of the person's currency."""

    # Model fields by form field.
    amounts: ClassVar[dict[str, str]] = {}
    person_field: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Declared form fields are part of every admin form, even if get_fields leaves them out.
        for name in self.fields.keys() - set(self._meta.fields or ()):
            del self.fields[name]
        row = self.instance
        for name in {*self.amounts, "more"} & self.fields.keys():
            if row.currency:
                self.fields[name].label = f"{self.fields[name].label} ({row.currency})"
                if self.fields[name].help_text == CURRENCY:
                    self.fields[name].help_text = ""
        for name, stored in self.amounts.items():
            units = getattr(row, stored) if row.currency else None
            if units is not None:
                self.initial.setdefault(name, money.as_decimal(units, row.currency))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        person: Person | None = data.get(self.person_field)
        currency = self.instance.currency or (currency_of(person) if person else "")
        for name, stored in self.amounts.items():
            if currency and name in data:
                setattr(self.instance, stored, self._units(name, data[name], currency))
        return data

    def _units(self, name: str, amount: Decimal | None, currency: str) -> int | None:
        try:
            return None if amount is None else money.in_smallest_unit(amount, currency)
        except ValueError:
            digits = money.digits(currency)
            places = f"at most {digits} decimal places" if digits else "no decimal places"
            self.add_error(name, f"{currency} has {places}.")
            return 0


class SpendInstrumentForm(MoneyForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        person: Person | None = data.get(self.person_field)
        if person and person.state != Person.State.ACTIVE:
            self.add_error(self.person_field, str(HolderInactive(person, self.person_field)))
        return data


class CardForm(SpendInstrumentForm):
    amounts = {"limit": "monthly_limit"}
    person_field = "holder"

    limit = amount("Monthly limit", help_text=CURRENCY)


class FundForm(SpendInstrumentForm):
    amounts = {"opening_balance": "balance", "largest": "payment_limit"}
    person_field = "owner"

    opening_balance = amount("Balance", help_text=CURRENCY)
    more = amount("Add to the balance", required=False)
    largest = amount(
        "Payment limit",
        required=False,
        help_text="Leave empty if only the balance limits payments.",
    )

    @property
    def units_more(self) -> int:
        """The amount to add to the balance, in the smallest unit."""
        more = self.cleaned_data.get("more")
        return money.in_smallest_unit(more, self.instance.currency) if more else 0

    def clean_more(self) -> Decimal | None:
        more: Decimal | None = self.cleaned_data["more"]
        if more:
            self._units("more", more, self.instance.currency)
        return more


class OutstandingItemForm(MoneyForm):
    amounts = {"sum": "amount"}
    person_field = "person"

    sum = amount("Amount", help_text=CURRENCY)
    workflow: "forms.ModelChoiceField[Workflow]" = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label="Ask for approval",
        empty_label="No approval needed",
        help_text="The first approver of this workflow is asked first.",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "workflow" in self.fields:
            with_steps = Workflow.objects.filter(steps__isnull=False).distinct()
            self.fields["workflow"].queryset = with_steps.order_by("name")  # type: ignore[attr-defined]
        stored = self.instance if self.instance.kind else None
        choices = {
            kind.label: [(state.value, state.label) for state in states]
            for kind, states in OutstandingItem.STATES.items()
        }
        self.fields["state"].widget = UnfoldAdminSelectWidget(
            choices=choices[stored.get_kind_display()] if stored else list(choices.items())
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind, state = data.get("kind", self.instance.kind), data.get("state")
        try:
            if kind and state:
                approvals.check_state(OutstandingItem(kind=kind, state=state))
        except PeopleError as error:
            self.add_error(error.field, str(error))
        return data
