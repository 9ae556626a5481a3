"""Holdings, handover plans, and the check of a plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from people.models import Card, Fund, Person, Step, Tenant
from people.operations.managers import is_above, may_manage
from people.values import PeopleError


@dataclass(frozen=True, kw_only=True)
class HandoverPlan:
    """Who receives each holding, by its id. A card or fund without a successor (None) ends.

    Physical cards always end, and an approval step always goes to somebody. All ids are strings,
    so that the plan can be stored as JSON.
    """

    cards: Mapping[str, str | None] = field(default_factory=dict)
    funds: Mapping[str, str | None] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    # The new manager of their reports, if any.
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
    """What a person holds now."""

    cards: list[Card]
    funds: list[Fund]
    steps: list[Step]
    reports: list[Person]


def holdings_of(person: Person, *, locked: bool = False) -> Holdings:
    """Return what they hold. With `locked`, their cards, funds and steps are locked."""
    cards, funds = person.cards.live(), person.funds.live()
    steps = person.steps.select_related("workflow")
    if locked:
        # `no_key` lets others still insert rows that refer to these, such as authorizations. `of`
        # leaves the joined workflows unlocked.
        cards, funds = cards.select_for_update(no_key=True), funds.select_for_update(no_key=True)
        steps = steps.select_for_update(of=("self",), no_key=True)
    return Holdings(
        cards=list(cards.order_by("created_at", "pk")),
        funds=list(funds.order_by("created_at", "pk")),
        steps=list(steps.order_by("workflow__name", "place")),
        reports=list(person.reports.in_lists().order_by("family_name", "given_name", "pk")),
    )


def default_handover(person: Person, holdings: Holdings | None = None) -> HandoverPlan:
    """Return the handover that applies unless somebody plans another one.

    Cards end. Funds go to the manager if the currency matches, or end; shared funds go to the
    account owner, or another Owner, before they end. Approval steps and reports go to the manager,
    or to that Owner.
    """
    holdings = holdings or holdings_of(person)
    manager = person.manager if person.manager and _can_succeed(person.manager, person) else None
    owner = _other_owner(person)
    successors = [one for one in (manager, owner) if one]
    currencies = {one.pk: currency_of(one) for one in successors} if holdings.funds else {}

    def receiver_of(fund: Fund) -> str | None:
        candidates = successors if fund.is_shared else successors[: 1 if manager else 0]
        fitting = (one for one in candidates if currencies[one.pk] == fund.currency)
        return next((str(one.pk) for one in fitting), None)

    return HandoverPlan(
        cards={str(card.pk): None for card in holdings.cards},
        funds={str(fund.pk): receiver_of(fund) for fund in holdings.funds},
        steps={str(step.pk): str(successors[0].pk) for step in holdings.steps}
        if successors
        else {},
        reports=_next_manager(person, holdings.reports, successors),
    )


def _next_manager(
    leaver: Person, reports: list[Person], candidates: Iterable[Person]
) -> str | None:
    """Return the first candidate who can become the manager of the reports."""
    if not reports:
        return None
    for candidate in candidates:
        is_below = candidate not in reports and is_above(leaver, candidate)
        if may_manage(candidate) and not is_below:
            return str(candidate.pk)
    return None


def handover_for(person: Person, stored: Mapping[str, Any] | None) -> HandoverPlan:
    """Return the stored plan, if there is one, with the default for what it does not mention."""
    return complete_plan(person, HandoverPlan(**stored)) if stored else default_handover(person)


def complete_plan(person: Person, plan: HandoverPlan) -> HandoverPlan:
    """Return the plan for what they hold now, with the default for what it does not mention."""
    # The person may hold other items than when the plan was stored.
    default = default_handover(person)
    return HandoverPlan(
        cards={key: plan.cards.get(key, to) for key, to in default.cards.items()},
        funds={key: plan.funds.get(key, to) for key, to in default.funds.items()},
        steps={
            str(step): plan.steps.get(str(step)) or default.steps[str(step)]
            for step in person.steps.values_list("pk", flat=True)
            # Without a manager and another Owner there is no default; `HandoverProblems` reports
            # these steps.
            if str(step) in {**plan.steps, **default.steps}
        },
        reports=plan.reports or default.reports,
    )


def _can_succeed(person: Person, leaver: Person) -> bool:
    return person.state == Person.State.ACTIVE and person != leaver


def _other_owner(leaver: Person) -> Person | None:
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
    """Return the name that pages and the history show."""
    return f"{row.name} …{row.last_four}" if isinstance(row, Card) else str(row)


def candidates(ids: Iterable[str]) -> dict[str, Person]:
    """Return the people with these ids, without locks."""
    people = Person.objects.filter(pk__in=valid_ids(ids)).select_related("location__entity")
    return {str(person.pk): person for person in people}


def find_problems(person: Person, plan: HandoverPlan) -> list[PeopleError]:
    """Return why the plan cannot be carried out now.

    `terminate_person` checks it again, with everybody locked.
    """
    people = candidates(plan.successors)
    return list(HandoverProblems(person, holdings_of(person), plan, people))


def valid_ids(ids: Iterable[str]) -> set[str]:
    """Return the texts that are ids. A form may send anything."""
    valid = set()
    for text in ids:
        try:
            # UUID() also accepts other spellings of an id, but plans and holdings compare texts.
            if str(UUID(text)) == text:
                valid.add(text)
        except (AttributeError, TypeError, ValueError):
            continue
    return valid


@dataclass
class HandoverProblems:
    """The reasons why a plan cannot be carried out.

    `people` are the current rows of its successors, by id.
    """

    person: Person
    holdings: Holdings
    plan: HandoverPlan
    people: Mapping[str, Person]

    def __iter__(self) -> Iterator[PeopleError]:
        """Yield an error for each problem.

        The `field` of an error is “card-<id>”, “fund-<id>”, “step-<id>” or “reports”.
        """
        yield from self._check_instruments("card", self.holdings.cards, self.plan.cards)
        yield from self._check_instruments("fund", self.holdings.funds, self.plan.funds)
        yield from self._check_held("step", self.holdings.steps, self.plan.steps)
        for step in self.holdings.steps:
            what, field = f"the approval step “{step}”", f"step-{step.pk}"
            if self.plan.steps.get(str(step.pk)):
                yield from self._check_successor(self.plan.steps[str(step.pk)], what, field)
            else:
                yield HoldsMore(self.person, what, field)
        yield from self._check_reports()

    def _check_instruments(
        self, kind: str, rows: list[Card] | list[Fund], choices: Mapping[str, str | None]
    ) -> Iterator[PeopleError]:
        yield from self._check_held(kind, rows, choices)
        for row in rows:
            what, field = f"the {kind} “{named(row)}”", f"{kind}-{row.pk}"
            if str(row.pk) not in choices:
                yield HoldsMore(self.person, what, field)
                continue
            successor_id = choices[str(row.pk)]
            if successor_id is None:
                continue
            if isinstance(row, Card) and row.kind == Card.Kind.PHYSICAL:
                yield AlwaysEnds(what, field)
                continue
            yield from self._check_successor(successor_id, what, field, currency=row.currency)

    def _check_held(
        self, kind: str, rows: Iterable[Card | Fund | Step], choices: Iterable[str]
    ) -> Iterator[PeopleError]:
        if not {str(row.pk) for row in rows}.issuperset(choices):
            yield HoldsLess(self.person, f"a {kind}")

    def _check_successor(
        self, successor_id: str, what: str, field: str, *, currency: str = ""
    ) -> Iterator[PeopleError]:
        successor = self.people.get(successor_id)
        if successor is None:
            yield InvalidSuccessor(what, "no person has this id", field)
        elif successor == self.person:
            yield InvalidSuccessor(what, "they are the person being terminated", field)
        elif successor.state != Person.State.ACTIVE:
            state = successor.get_state_display().lower()
            yield InvalidSuccessor(what, f"{successor.full_name} is {state}", field)
        elif currency and currency_of(successor) != currency:
            why = f"it is in {currency}, and {successor.full_name} has {currency_of(successor)}"
            yield InvalidSuccessor(what, why, field)

    def _check_reports(self) -> Iterator[PeopleError]:
        successor_id, what, field = self.plan.reports, "the reports", "reports"
        if successor_id is None or not self.holdings.reports:
            return
        problems = list(self._check_successor(successor_id, what, field))
        yield from problems
        if problems:
            return
        manager = self.people[successor_id]
        if not may_manage(manager):
            yield InvalidSuccessor(what, "guests cannot be managers", field)
        # A report may become the manager of the others, because the leaver's manager becomes
        # theirs.
        elif manager not in self.holdings.reports and is_above(self.person, manager):
            why = f"{manager.full_name} reports to one of these people"
            yield InvalidSuccessor(what, why, field)
