"""The form for a handover plan: it asks who receives each item that a person holds."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from unfold.widgets import UnfoldAdminSelectWidget

from people import money
from people.models import Person
from people.operations.offboarding import handover_plan
from people.operations.offboarding.handover_plan import HandoverPlan
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError
from people.views.offboarding.holdings import HandoverItem, inventory_of

END, MANAGER, OTHER_PERSON = "end", "manager", "somebody"
# The choices for everything at once.
DEFAULT, ALL_TO_MANAGER, ALL_END = "", "manager", "end"


@dataclass(frozen=True)
class Line:
    """An item with its form fields. An item that always ends has none."""

    item: HandoverItem
    is_new: bool
    choice: forms.BoundField | None = None
    successor: forms.BoundField | None = None


@dataclass(frozen=True)
class HandoverGroup:
    """Items with the same result, for the summary."""

    heading: str
    items: list[str]


class HandoverForm(forms.Form):
    """Asks for each item whether it ends, goes to the manager, or goes to another person.

    A shared fund, or the reports, for which the plan names nobody have no answer yet, and the form
    asks for one, unless `decided` contains their key: then somebody chose what the plan says.
    """

    def __init__(
        self,
        person: Person,
        data: Any = None,
        *,
        plan: HandoverPlan,
        decided: Collection[str] = (),
    ) -> None:
        self.person, self.refusal = person, ""
        self.inventory = inventory_of(person)
        self.manager = person.manager if _can_receive(person.manager, person) else None
        self.manager_currency = handover_plan.currency_of(self.manager) if self.manager else ""
        self.seen = set(data.get("seen", "").split()) if data is not None else None
        initial = _initial(plan, self.manager)
        shared = {item.key for item in self.inventory.decisions if item.is_shared}
        initial |= {key: "" for key in shared.difference(decided) if initial[key] == END}
        super().__init__(self._with_new_items(data, initial), initial=initial)
        for item in self.inventory.decisions:
            self._add_question(item)

    @property
    def has_new_items(self) -> bool:
        """Tell whether the holdings have changed since the form was shown."""
        return self.seen is not None and self.seen != self.inventory.keys

    @property
    def seen_now(self) -> str:
        return " ".join(sorted(self.inventory.keys))

    @property
    def groups(self) -> Iterator[tuple[str, list[Line]]]:
        """Yield each heading with its lines."""
        holdings = self.inventory
        headings = ("Cards", "Funds", "Approval steps", "Reports")
        kinds = (holdings.cards, holdings.funds, holdings.steps, holdings.reports)
        for heading, items in zip(headings, kinds, strict=True):
            if items:
                yield heading, [self._line(item) for item in items]

    @property
    def dropped(self) -> list[tuple[str, bool]]:
        """Return the reimbursements that are dropped, and whether each is new."""
        return [
            (
                f"{one.description}, {money.format_amount(one.amount, one.currency)}",
                self.seen is not None and f"owed-{one.pk}" not in self.seen,
            )
            for one in self.inventory.dropped
        ]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Return the answers as hidden fields for the confirmation page."""
        return [
            (self.add_prefix(name), str(getattr(value, "pk", value) or ""))
            for name, value in self.cleaned_data.items()
        ]

    @property
    def plan(self) -> HandoverPlan:
        """Return the plan from the answers, for the present holdings."""
        holdings = self.inventory
        return HandoverPlan(
            cards={_id(card): self._successor(card) for card in holdings.cards},
            funds={_id(fund): self._successor(fund) for fund in holdings.funds},
            steps={_id(step): self._successor(step) or "" for step in holdings.steps},
            reports=self._successor(holdings.reports[0]) if holdings.reports else None,
        )

    def clean(self) -> dict[str, Any]:
        for item in self.inventory.decisions:
            if self.cleaned_data.get(item.key) == OTHER_PERSON:
                self._check_successor(item)
        if not self.errors:
            # Only a complete plan can be checked.
            for problem in handover_plan.find_problems(self.person, self.plan):
                self.say(problem)
        return self.cleaned_data

    def say(self, error: PeopleError) -> None:
        """Show the error at its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, str(error))

    def refuse(self, error: PeopleError) -> None:
        """Show an error that no answer can fix, also on an unbound form."""
        self.refusal = str(error)

    def summary(self) -> Iterator[HandoverGroup]:
        """Yield the result for all items, for the confirmation page."""
        by_successor: dict[str | None, list[HandoverItem]] = {}
        for item in self.inventory.items:
            by_successor.setdefault(self._successor(item), []).append(item)
        ended = by_successor.pop(None, [])
        if closed := [str(item) for item in ended if not item.is_reports]:
            yield HandoverGroup("Permanently closed", closed)
        for successor in Person.objects.filter(pk__in=by_successor).order_by("family_name", "pk"):
            items = [str(item) for item in by_successor[str(successor.pk)]]
            yield HandoverGroup(f"Handed over to {successor.full_name}", items)
        if unmanaged := [str(item) for item in ended if item.is_reports]:
            yield HandoverGroup("No manager", unmanaged)
        if self.dropped:
            yield HandoverGroup("Dropped", [text for text, _ in self.dropped])

    def _with_new_items(self, data: Any, initial: Mapping[str, Any]) -> Any:
        """Add the default answers for items that are new since the form was shown."""
        if data is None:
            return None
        answered: MultiValueDict[str, Any] = data.copy()
        for item in self.inventory.decisions:
            # Otherwise the form would show errors for items that the visitor has not seen yet.
            if self.seen is not None and item.key not in self.seen:
                for name in (item.key, f"{item.key}-successor"):
                    answered[name] = initial.get(name) or ""
        return answered

    def _add_question(self, item: HandoverItem) -> None:
        choices = [
            (OTHER_PERSON, "Hand over to another person …" if self.manager else "Hand over to …")
        ]
        # A card or fund keeps its currency, so only a holder with the same currency can get it.
        if self.manager and item.currency in ("", self.manager_currency):
            choices.insert(0, (MANAGER, f"Hand over to {self.manager.full_name} (manager)"))
        if item.can_end:
            ends = "No manager" if item.is_reports else "End"
            choices.insert(0, (END, ends))
        if item.is_shared:
            choices.insert(0, ("", "Choose …"))
        self.fields |= {
            item.key: forms.ChoiceField(
                choices=choices,
                error_messages={"required": "Choose what happens to it."},
                widget=UnfoldAdminSelectWidget(attrs={"aria-label": f"Handover of {item.name}"}),
            ),
            f"{item.key}-successor": lookup_field(
                Person._meta.get_field("manager"), Person.objects.in_lists(), required=False
            ),
        }

    def _line(self, item: HandoverItem) -> Line:
        is_new = self.seen is not None and item.key not in self.seen
        if item.ends_always:
            return Line(item, is_new)
        return Line(item, is_new, self[item.key], self[f"{item.key}-successor"])

    def _check_successor(self, item: HandoverItem) -> None:
        """Require a person if the answer is “Hand over to another person”."""
        successor = f"{item.key}-successor"
        if not self.cleaned_data.get(successor) and successor not in self.errors:
            self.add_error(item.key, "Choose a person.")

    def _successor(self, item: HandoverItem) -> str | None:
        # Items that always end have no field.
        match self.cleaned_data.get(item.key, END):
            case "manager" if self.manager:
                return str(self.manager.pk)
            case "somebody":
                return str(self.cleaned_data[f"{item.key}-successor"].pk)
            case _:
                return None


def plan_for_all(person: Person, default: HandoverPlan, choice: str) -> HandoverPlan:
    """Return the plan for a choice for everything at once.

    An item that the choice does not fit, such as a card in another currency, ends. The form asks
    about a shared fund that the manager cannot receive.
    """
    manager = person.manager if _can_receive(person.manager, person) else None
    if choice not in (ALL_END, ALL_TO_MANAGER) or (choice == ALL_TO_MANAGER and not manager):
        return default
    successor = str(manager.pk) if manager and choice == ALL_TO_MANAGER else None
    currency = handover_plan.currency_of(manager) if manager else ""
    holdings = handover_plan.holdings_of(person)
    return HandoverPlan(
        cards={
            str(card.pk): successor if card.currency == currency else None
            for card in holdings.cards
        },
        funds={
            str(fund.pk): successor if fund.currency == currency else None
            for fund in holdings.funds
        },
        steps=default.steps,
        reports=default.reports,
    )


def _can_receive(person: Person | None, leaver: Person) -> bool:
    return person is not None and person.state == Person.State.ACTIVE and person != leaver


def _initial(plan: HandoverPlan, manager: Person | None) -> dict[str, Any]:
    successors = {
        **{f"card-{key}": successor for key, successor in plan.cards.items()},
        **{f"fund-{key}": successor for key, successor in plan.funds.items()},
        **{f"step-{key}": successor for key, successor in plan.steps.items()},
        "reports": plan.reports,
    }
    initial: dict[str, Any] = {}
    for key, successor in successors.items():
        if successor is None:
            initial[key] = END
        elif manager and successor == str(manager.pk):
            initial[key] = MANAGER
        else:
            initial |= {key: OTHER_PERSON, f"{key}-successor": successor}
    return initial


def _id(item: HandoverItem) -> str:
    return item.key.partition("-")[2]
