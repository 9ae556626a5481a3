"""The form that asks what becomes of each thing that somebody holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict
from unfold.widgets import UnfoldAdminSelectWidget

from people import money
from people.models import OutstandingItem, Person
from people.operations.offboarding import handover_plan
from people.operations.offboarding.handover_plan import HandoverPlan
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError
from people.views.offboarding.holdings import Thing, inventory_of

END, MANAGER, SOMEBODY = "end", "manager", "somebody"
# What can be chosen for everything at once.
USUAL, ALL_TO_MANAGER, ALL_END = "", "manager", "end"


@dataclass(frozen=True)
class Line:
    """A thing with its questions; none if its end is certain."""

    thing: Thing
    is_new: bool
    choice: forms.BoundField | None = None
    whom: forms.BoundField | None = None


@dataclass(frozen=True)
class Outcome:
    """What becomes of some things, for the summary."""

    heading: str
    things: list[str]


class DispositionForm(forms.Form):
    """Asks of each thing: end it, to the manager, or to whom."""

    def __init__(self, person: Person, data: Any = None, *, said: HandoverPlan) -> None:
        self.person, self.refusal = person, ""
        self.inventory = inventory_of(person)
        self.manager = person.manager if _is_heir(person.manager, person) else None
        self.manager_currency = handover_plan.currency_of(self.manager) if self.manager else ""
        self.seen = set(data.get("seen", "").split()) if data is not None else None
        initial = _initial(said, self.manager)
        super().__init__(self._with_news(data, initial), initial=initial)
        for thing in self.inventory.decisions:
            self._ask(thing)

    @property
    def has_news(self) -> bool:
        """Tell whether they hold something else than the form's reader saw."""
        return self.seen is not None and self.seen != self.inventory.keys

    @property
    def seen_now(self) -> str:
        return " ".join(sorted(self.inventory.keys))

    @property
    def groups(self) -> Iterator[tuple[str, list[Line]]]:
        """Yield each heading with what stands below it."""
        held = self.inventory
        headings = ("Cards", "Funds", "Approval steps", "Reports")
        kinds = (held.cards, held.funds, held.steps, held.reports)
        for heading, things in zip(headings, kinds, strict=True):
            if things:
                yield heading, [self._line(thing) for thing in things]

    @property
    def dropped(self) -> list[tuple[str, bool]]:
        """Return the reimbursements that are dropped, and whether each is new."""
        return [
            (_written(one), self.seen is not None and f"owed-{one.pk}" not in self.seen)
            for one in self.inventory.dropped
        ]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Return what was said, to be sent along with the next step."""
        return [
            (self.add_prefix(name), str(getattr(value, "pk", value) or ""))
            for name, value in self.cleaned_data.items()
        ]

    @property
    def disposition(self) -> HandoverPlan:
        """Return what was said, for those things that are there now."""
        held = self.inventory
        return HandoverPlan(
            cards={_id(card): self._successor(card) for card in held.cards},
            funds={_id(fund): self._successor(fund) for fund in held.funds},
            steps={_id(step): self._successor(step) or "" for step in held.steps},
            reports=self._successor(held.reports[0]) if held.reports else None,
        )

    def clean(self) -> dict[str, Any]:
        for thing in self.inventory.decisions:
            if self.cleaned_data.get(thing.key) == SOMEBODY:
                self._find(thing)
        if not self.errors:
            for objection in handover_plan.objections_to(self.person, self.disposition):
                self.say(objection)
        return self.cleaned_data

    def say(self, error: PeopleError) -> None:
        """Put a refusal where it belongs."""
        self.add_error(error.field if error.field in self.fields else None, str(error))

    def refuse(self, error: PeopleError) -> None:
        """Say what no answer can change, also where nothing was answered yet."""
        self.refusal = str(error)

    def outcomes(self) -> Iterator[Outcome]:
        """Yield in words what becomes of everything, for a last look."""
        went: dict[str | None, list[Thing]] = {}
        for thing in self.inventory.things:
            went.setdefault(self._successor(thing), []).append(thing)
        ended = went.pop(None, [])
        if gone := [str(thing) for thing in ended if not thing.is_reports]:
            yield Outcome("Permanently closed", gone)
        for heir in Person.objects.filter(pk__in=went).order_by("family_name", "pk"):
            yield Outcome(
                f"Handed over to {heir.full_name}", [str(one) for one in went[str(heir.pk)]]
            )
        if orphans := [str(thing) for thing in ended if thing.is_reports]:
            yield Outcome("No manager", orphans)
        if self.dropped:
            yield Outcome("Dropped", [text for text, _ in self.dropped])

    def _with_news(self, data: Any, initial: Mapping[str, Any]) -> Any:
        """Answer what was not asked yet, because it is new, in the usual way."""
        if data is None:
            return None
        answered: MultiValueDict[str, Any] = data.copy()
        for thing in self.inventory.decisions:
            if self.seen is not None and thing.key not in self.seen:
                for name in (thing.key, f"{thing.key}-whom"):
                    answered[name] = initial.get(name) or ""
        return answered

    def _ask(self, thing: Thing) -> None:
        choices = [
            (SOMEBODY, "Hand over to another person …" if self.manager else "Hand over to …")
        ]
        if self.manager and thing.currency in ("", self.manager_currency):
            choices.insert(0, (MANAGER, f"Hand over to {self.manager.full_name} (manager)"))
        if thing.can_end:
            ends = "No manager" if thing.is_reports else "End"
            choices.insert(0, (END, ends))
        self.fields |= {
            thing.key: forms.ChoiceField(
                choices=choices,
                widget=UnfoldAdminSelectWidget(attrs={"aria-label": f"Handover of {thing.name}"}),
            ),
            f"{thing.key}-whom": lookup_field(
                Person._meta.get_field("manager"), Person.objects.in_lists(), required=False
            ),
        }

    def _line(self, thing: Thing) -> Line:
        is_new = self.seen is not None and thing.key not in self.seen
        if thing.ends_always:
            return Line(thing, is_new)
        return Line(thing, is_new, self[thing.key], self[f"{thing.key}-whom"])

    def _find(self, thing: Thing) -> None:
        """See that somebody was named."""
        whom = f"{thing.key}-whom"
        if not self.cleaned_data.get(whom) and whom not in self.errors:
            self.add_error(thing.key, "Choose a person.")

    def _successor(self, thing: Thing) -> str | None:
        match self.cleaned_data.get(thing.key, END):
            case "manager" if self.manager:
                return str(self.manager.pk)
            case "somebody":
                return str(self.cleaned_data[f"{thing.key}-whom"].pk)
            case _:
                return None


def everything(person: Person, usual: HandoverPlan, choice: str) -> HandoverPlan:
    """Return what was chosen for everything at once, as far as it can be so."""
    manager = person.manager if _is_heir(person.manager, person) else None
    if choice not in (ALL_END, ALL_TO_MANAGER) or (choice == ALL_TO_MANAGER and not manager):
        return usual
    whom = str(manager.pk) if manager and choice == ALL_TO_MANAGER else None
    fits = _fits(manager) if manager else lambda _: True
    held = handover_plan.holdings_of(person)
    return HandoverPlan(
        cards={str(card.pk): whom if fits(card.currency) else None for card in held.cards},
        funds={str(fund.pk): whom if fits(fund.currency) else None for fund in held.funds},
        steps=usual.steps,
        reports=usual.reports,
    )


def _fits(person: Person) -> Callable[[str], bool]:
    currency = handover_plan.currency_of(person)
    return lambda asked: asked == currency


def _is_heir(person: Person | None, leaver: Person) -> bool:
    return person is not None and person.state == Person.State.ACTIVE and person != leaver


def _initial(said: HandoverPlan, manager: Person | None) -> dict[str, Any]:
    told = {
        **{f"card-{key}": whom for key, whom in said.cards.items()},
        **{f"fund-{key}": whom for key, whom in said.funds.items()},
        **{f"step-{key}": whom for key, whom in said.steps.items()},
        "reports": said.reports,
    }
    initial: dict[str, Any] = {}
    for key, whom in told.items():
        if whom is None:
            initial[key] = END
        elif manager and whom == str(manager.pk):
            initial[key] = MANAGER
        else:
            initial |= {key: SOMEBODY, f"{key}-whom": whom}
    return initial


def _written(one: OutstandingItem) -> str:
    return f"{one.description}, {money.written(one.amount, one.currency)}"


def _id(thing: Thing) -> str:
    return thing.key.partition("-")[2]
