"""A person's cards, funds and approval steps, for their page."""

from dataclasses import dataclass

from django.db.models import Count, Q

from people import money
from people.models import Approval, Card, Fund, OutstandingItem, Person, Step

SHOWN = 20


@dataclass(frozen=True)
class Line:
    """A card, a fund or an outstanding item, as the list shows it."""

    instrument: Card | Fund | OutstandingItem
    note: str


@dataclass(frozen=True)
class Spending:
    cards: list[Line]
    funds: list[Line]
    steps: list[Step]


def spending_of(person: Person) -> Spending:
    cards = person.cards.live().order_by("name", "pk")
    funds = person.funds.live().order_by("name", "pk")
    pending = Count("approvals", filter=Q(approvals__state=Approval.State.PENDING))
    steps = person.steps.select_related("workflow").annotate(pending=pending)
    return Spending(
        cards=[Line(card, _card_note(card)) for card in cards[:SHOWN]],
        funds=[Line(fund, _fund_note(fund)) for fund in funds[:SHOWN]],
        steps=list(steps.order_by("workflow__name", "place")),
    )


def waiting_approvals(person: Person) -> list[Line]:
    """Return what waits for the approval of the person, the oldest first."""
    pending = Approval.objects.filter(step__approver=person, state=Approval.State.PENDING)
    items = pending.select_related("outstanding_item__person", "step__workflow")
    return [
        Line(one.outstanding_item, _approval_note(one))
        for one in items.order_by("outstanding_item__created_at", "pk")[:SHOWN]
    ]


def _approval_note(approval: Approval) -> str:
    item = approval.outstanding_item
    amount = money.format_amount(item.amount, item.currency)
    kind = item.get_kind_display()
    return f"{kind} of {item.person.full_name}, {amount}, {approval.step}"


def _card_note(card: Card) -> str:
    limit = money.format_amount(card.monthly_limit, card.currency)
    return f"{card.get_kind_display()} card •••• {card.last_four}, {limit} a month"


def _fund_note(fund: Fund) -> str:
    shared = ", shared with a team" if fund.is_shared else ""
    return f"Fund, {money.format_amount(fund.balance, fund.currency)} left{shared}"
