"""What somebody holds, what shall become of it, and what speaks against that."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from people.models import Card, Fund, Person, Step, Tenant
from people.operations.managers import is_above, may_manage
from people.values import PeopleError


@dataclass(frozen=True, kw_only=True)
class HandoverPlan:
    """What becomes of what somebody holds: by id, to whom it goes; None ends it.

    Physical cards always end, and a step always goes to somebody. All ids are texts, so that
    the whole can be kept as JSON.
    """

    cards: Mapping[str, str | None] = field(default_factory=dict)
    funds: Mapping[str, str | None] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    # Whoever manages their reports from then on, if anybody.
    reports: str | None = None

    @property
    def successors(self) -> set[str]:
        named = {*self.cards.values(), *self.funds.values(), *self.steps.values(), self.reports}
        return {one for one in named if one}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class HoldsMore(PeopleError):
    code = "holds-more"

    def __init__(self, person: Person, what: str, field: str) -> None:
        super().__init__(
            f"No choice was made for {what} of {person.full_name}. Reload the page to see "
            "everything they hold now."
        )
        self.field = field


class HoldsLess(PeopleError):
    code = "holds-less"

    def __init__(self, person: Person, what: str) -> None:
        super().__init__(
            f"A choice was made for {what} that {person.full_name} does not hold. Reload the page "
            "to see everything they hold now."
        )


class InvalidSuccessor(PeopleError):
    code = "invalid-successor"

    def __init__(self, what: str, why: str, field: str) -> None:
        super().__init__(f"{what[:1].upper()}{what[1:]} cannot be handed over to them: {why}.")
        self.field = field


class AlwaysEnds(PeopleError):
    code = "always-ends"

    def __init__(self, what: str, field: str) -> None:
        super().__init__(f"Physical cards cannot be handed over: {what} always ends.")
        self.field = field


@dataclass(frozen=True)
class Holdings:
    """What somebody holds, as it is now."""

    cards: list[Card]
    funds: list[Fund]
    steps: list[Step]
    reports: list[Person]


def holdings_of(person: Person, *, locked: bool = False) -> Holdings:
    """Return what they hold; `locked`, nothing of it can end or move meanwhile."""
    cards, funds = person.cards.live(), person.funds.live()
    steps = person.steps.select_related("workflow")
    if locked:
        cards, funds = cards.select_for_update(no_key=True), funds.select_for_update(no_key=True)
        steps = steps.select_for_update(of=("self",), no_key=True)
    return Holdings(
        cards=list(cards.order_by("created_at", "pk")),
        funds=list(funds.order_by("created_at", "pk")),
        steps=list(steps.order_by("workflow__name", "place")),
        reports=list(person.reports.in_lists().order_by("family_name", "given_name", "pk")),
    )


def usual_disposition(person: Person, held: Holdings | None = None) -> HandoverPlan:
    """Return what happens where nobody has said anything else.

    Cards end. Funds go to the manager if they can, or end. Approval steps and reports go to
    the manager; steps without one to the account owner, or to another Owner.
    """
    held = held or holdings_of(person)
    manager = person.manager if person.manager and _can_succeed(person.manager, person) else None
    approver = manager or _owner_besides(person)
    currency = currency_of(manager) if manager and held.funds else ""
    return HandoverPlan(
        cards={str(card.pk): None for card in held.cards},
        funds={
            str(fund.pk): str(manager.pk) if manager and currency == fund.currency else None
            for fund in held.funds
        },
        steps={str(step.pk): str(approver.pk) for step in held.steps} if approver else {},
        reports=str(manager.pk) if manager and held.reports else None,
    )


def completed(person: Person, plan: HandoverPlan) -> HandoverPlan:
    """Return the plan as far as they still hold what it names, and the usual for the rest."""
    usual = usual_disposition(person)
    return HandoverPlan(
        cards={key: plan.cards.get(key, whom) for key, whom in usual.cards.items()},
        funds={key: plan.funds.get(key, whom) for key, whom in usual.funds.items()},
        steps={
            str(step): plan.steps.get(str(step)) or usual.steps[str(step)]
            for step in person.steps.values_list("pk", flat=True)
            if str(step) in {**plan.steps, **usual.steps}
        },
        reports=plan.reports or usual.reports,
    )


def _can_succeed(person: Person, leaver: Person) -> bool:
    return person.state == Person.State.ACTIVE and person != leaver


def _owner_besides(leaver: Person) -> Person | None:
    owner = Tenant.objects.select_related("owner").get(pk=leaver.tenant_id).owner
    if owner and _can_succeed(owner, leaver):
        return owner
    others = Person.objects.active_owners().exclude(pk=leaver.pk)
    oldest: Person | None = others.order_by("created_at", "pk").first()
    return oldest


def currency_of(person: Person) -> str:
    """Return the currency in which the person's cards and funds are issued."""
    if person.location:
        return person.location.entity.currency
    tenant = Tenant.objects.select_related("default_entity").get(pk=person.tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    return tenant.default_entity.currency


def named(row: Card | Fund | Step) -> str:
    """Return what people call it."""
    return f"{row.name} …{row.last_four}" if isinstance(row, Card) else str(row)


def candidates(ids: Iterable[str]) -> dict[str, Person]:
    """Return who may be meant, by id, without holding anybody."""
    people = Person.objects.filter(pk__in=valid_ids(ids)).select_related("location__entity")
    return {str(person.pk): person for person in people}


def objections_to(person: Person, disposition: HandoverPlan) -> list[PeopleError]:
    """Return what speaks against it now; who carries it out asks again, and holds everybody."""
    people = candidates(disposition.successors)
    return list(Objections(person, holdings_of(person), disposition, people))


def valid_ids(ids: Iterable[str]) -> set[str]:
    return {text for text in ids if _is_id(text)}


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except (AttributeError, TypeError, ValueError):
        return False


@dataclass
class Objections:
    """What speaks against handing over what somebody holds in a certain way.

    `people` are those whom it names, by id, as they are now.
    """

    person: Person
    held: Holdings
    disposition: HandoverPlan
    people: Mapping[str, Person]

    def __iter__(self) -> Iterator[PeopleError]:
        """Yield each; its `field` is “card-”, “fund-” or “step-” and the id, or “reports”."""
        yield from self._about_money("card", self.held.cards, self.disposition.cards)
        yield from self._about_money("fund", self.held.funds, self.disposition.funds)
        yield from self._not_theirs("step", self.held.steps, self.disposition.steps)
        for step in self.held.steps:
            what, field = f"the approval step “{step}”", f"step-{step.pk}"
            if self.disposition.steps.get(str(step.pk)):
                yield from self._about(self.disposition.steps[str(step.pk)], what, field)
            else:
                yield HoldsMore(self.person, what, field)
        yield from self._about_reports()

    def _about_money(
        self, kind: str, rows: list[Card] | list[Fund], said: Mapping[str, str | None]
    ) -> Iterator[PeopleError]:
        yield from self._not_theirs(kind, rows, said)
        for row in rows:
            what, field = f"the {kind} “{named(row)}”", f"{kind}-{row.pk}"
            if str(row.pk) not in said:
                yield HoldsMore(self.person, what, field)
                continue
            whom = said[str(row.pk)]
            if whom is None:
                continue
            if isinstance(row, Card) and row.kind == Card.Kind.PHYSICAL:
                yield AlwaysEnds(what, field)
                continue
            yield from self._about(whom, what, field, currency=row.currency)

    def _not_theirs(
        self, kind: str, rows: Iterable[Card | Fund | Step], said: Iterable[str]
    ) -> Iterator[PeopleError]:
        if not {str(row.pk) for row in rows}.issuperset(said):
            yield HoldsLess(self.person, f"a {kind}")

    def _about(
        self, whom: str, what: str, field: str, *, currency: str = ""
    ) -> Iterator[PeopleError]:
        found = self.people.get(whom)
        if found is None:
            yield InvalidSuccessor(what, "no person has this id", field)
        elif found == self.person:
            yield InvalidSuccessor(what, "they are the person being terminated", field)
        elif found.state != Person.State.ACTIVE:
            state = found.get_state_display().lower()
            yield InvalidSuccessor(what, f"{found.full_name} is {state}", field)
        elif currency and currency_of(found) != currency:
            why = f"it is in {currency}, and {found.full_name} has {currency_of(found)}"
            yield InvalidSuccessor(what, why, field)

    def _about_reports(self) -> Iterator[PeopleError]:
        whom, what, field = self.disposition.reports, "the reports", "reports"
        if whom is None or not self.held.reports:
            return
        objections = list(self._about(whom, what, field))
        yield from objections
        if objections:
            return
        manager = self.people[whom]
        if not may_manage(manager):
            yield InvalidSuccessor(what, "guests cannot be managers", field)
        elif manager not in self.held.reports and is_above(self.person, manager):
            why = f"{manager.full_name} reports to one of these people"
            yield InvalidSuccessor(what, why, field)
