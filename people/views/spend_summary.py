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
    return Spending(
        cards=[Line(card, _card_note(card)) for card in cards[:SHOWN]],
        funds=[Line(fund, _fund_note(fund)) for fund in funds[:SHOWN]],
        steps=list(steps.order_by("workflow__name", "place")),
    )


def _card_note(card: Card) -> str:
    limit = money.format_amount(card.monthly_limit, card.currency)
    return f"{card.get_kind_display()} card •••• {card.last_four}, {limit} a month"


def _fund_note(fund: Fund) -> str:
    shared = ", shared with a team" if fund.is_shared else ""
    return f"Fund, {money.format_amount(fund.balance, fund.currency)} left{shared}"
