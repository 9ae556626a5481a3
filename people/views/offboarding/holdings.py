"""A person's holdings, as the pages about termination list them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q

from people import money
from people.models import Approval, Card, Fund, OutstandingItem, Person
from people.operations.offboarding import handover_plan

NAMED = 5


@dataclass(frozen=True)
class HandoverItem:
    """Something to hand over or to end. `key` is the `field` of errors about it."""

    key: str
    name: str
    detail: str = ""
    # Blank for approval steps and reports.
    currency: str = ""
    ends_always: bool = False
    can_end: bool = True
    noun: str = ""
    # Other people depend on it, so it ends only if somebody says so.
    is_shared: bool = False

    @property
    def is_reports(self) -> bool:
        return self.key == "reports"

    def __str__(self) -> str:
        return f"{self.noun} {self.name}".strip()


@dataclass(frozen=True)
class Inventory:
    """Everything that a handover plan has to decide, and what happens automatically."""

    cards: list[HandoverItem]
    funds: list[HandoverItem]
    steps: list[HandoverItem]
    reports: list[HandoverItem]
    # The reimbursements that are dropped, and the number of outstanding items that stay.
    dropped: list[OutstandingItem]
    staying: int

    @property
    def items(self) -> list[HandoverItem]:
        return [*self.cards, *self.funds, *self.steps, *self.reports]

    @property
    def decisions(self) -> list[HandoverItem]:
        return [item for item in self.items if not item.ends_always]

    @property
    def keys(self) -> set[str]:
        """Return the keys of all items, to detect that the holdings have changed."""
        return {item.key for item in self.items} | {f"owed-{one.pk}" for one in self.dropped}


def inventory_of(person: Person) -> Inventory:
    holdings = handover_plan.holdings_of(person)
    pending = Count("approvals", filter=Q(approvals__state=Approval.State.PENDING))
    waiting = dict(person.steps.annotate(pending=pending).values_list("pk", "pending"))
    outstanding = list(person.outstanding_items.outstanding().order_by("created_at", "pk"))
    # A reimbursement that nobody has approved is not paid any more.
    unapproved = (OutstandingItem.Kind.REIMBURSEMENT, OutstandingItem.State.SUBMITTED)
    dropped = [one for one in outstanding if (one.kind, one.state) == unapproved]
    return Inventory(
        cards=[_card(card) for card in holdings.cards],
        funds=[_fund(fund) for fund in holdings.funds],
        steps=[
            HandoverItem(
                key=f"step-{step.pk}",
                name=handover_plan.named(step),
                detail=_pending(waiting.get(step.pk, 0)),
                can_end=False,
                noun="the approval step",
            )
            for step in holdings.steps
        ],
        reports=list(_reports(holdings.reports)),
        dropped=dropped,
        staying=len(outstanding) - len(dropped),
    )


def _pending(count: int) -> str:
    match count:
        case 0:
            return "No pending approvals"
        case 1:
            return "1 pending approval"
        case _:
            return f"{count} pending approvals"


def _card(card: Card) -> HandoverItem:
    limit = money.format_amount(card.monthly_limit, card.currency)
    return HandoverItem(
        key=f"card-{card.pk}",
        name=handover_plan.named(card),
        detail=f"{card.get_kind_display()}, up to {limit} a month",
        currency=card.currency,
        ends_always=card.kind == Card.Kind.PHYSICAL,
        noun="the card",
    )


def _fund(fund: Fund) -> HandoverItem:
    left = f"{money.format_amount(fund.balance, fund.currency)} left"
    return HandoverItem(
        key=f"fund-{fund.pk}",
        name=handover_plan.named(fund),
        detail=f"Shared, {left}" if fund.is_shared else left,
        currency=fund.currency,
        noun="the fund",
        is_shared=fund.is_shared,
    )


def _reports(reports: list[Person]) -> Iterator[HandoverItem]:
    if reports:
        names = [report.full_name for report in reports[:NAMED]]
        more = len(reports) - len(names)
        people = "1 person" if len(reports) == 1 else f"{len(reports)} people"
        yield HandoverItem(
            key="reports",
            name=f"{people} who report{'s' if len(reports) == 1 else ''} to them",
            detail=", ".join(names) + (f" and {more} more" if more else ""),
            is_shared=True,
        )
