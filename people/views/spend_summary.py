"""A person's cards, funds and approval steps, for their page."""

from dataclasses import dataclass

from django.db.models import Count, Q

from people import money
from people.models import Approval, Card, Fund, Person, Step

SHOWN = 20


@dataclass(frozen=True)
class Line:
    """A card or a fund, as the list shows it."""

    instrument: Card | Fund
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
    card_lines, fund_lines = [], []
    for card in cards[:SHOWN]:
        limit = money.format_amount(card.monthly_limit, card.currency)
        note = f"{card.get_kind_display()} card •••• {card.last_four}, {limit} a month"
        card_lines.append(Line(card, note))
    for fund in funds[:SHOWN]:
        left = money.format_amount(fund.balance, fund.currency)
        shared = ", shared with a team" if fund.is_shared else ""
        fund_lines.append(Line(fund, f"Fund, {left} left{shared}"))
    return Spending(
        cards=card_lines,
        funds=fund_lines,
        steps=list(steps.order_by("workflow__name", "place")),
    )
