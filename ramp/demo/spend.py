"""The cards, funds, workflows and outstanding items of the example company."""

from datetime import timedelta
from itertools import cycle

from django.utils import timezone

from people.models import Card, Fund, OutstandingItem, Person, Workflow
from people.operations.delegations import delegate_approvals
from people.operations.spend import approvals, cards_and_funds
from people.operations.spend.approvals import StepChoice
from people.operations.spend.cards_and_funds import Purchase
from people.values import Actor

Kind, State = OutstandingItem.Kind, OutstandingItem.State
SHOPS = ("Nordwind Rail", "Hotel Aurora", "Papierhaus", "Cloudhafen", "Café Lindt")
FUNDS = ("Learning", "Home office", "Wellbeing")
TEAM_FUNDS = ("Team events", "Customer gifts", "Conference")
# Description, kind, state, and the amount in the currency's smallest unit.
OPEN_MATTERS = (
    ("Taxi to the airport", Kind.REIMBURSEMENT, State.SUBMITTED, 3_450),
    ("Dinner with Aurora", Kind.REIMBURSEMENT, State.APPROVED, 12_800),
    ("Train to Kraków", Kind.REIMBURSEMENT, State.PAID, 8_990),
    ("Printing", Kind.BILL, State.OPEN, 45_000),
    ("Hotel, receipt missing", Kind.TRANSACTION, State.INCOMPLETE, 21_700),
    ("Office chairs", Kind.BILL, State.PAID, 189_900),
    ("Software licences", Kind.TRANSACTION, State.COMPLETE, 64_000),
    ("Fuel", Kind.TRANSACTION, State.PENDING, 7_210),
)


def give_cards_and_funds(people: list[Person], *, actor: Actor) -> None:
    """Issue a card to each person, and open a fund for every fifth person."""
    for number, person in enumerate(people):
        is_physical = number % 3 == 0
        kind, name = (
            (Card.Kind.PHYSICAL, "Company card")
            if is_physical
            else (Card.Kind.VIRTUAL, "Subscriptions")
        )
        limit = 50_000 * (1 + number % 4)
        digits = f"{4000 + 37 * number}"
        card = Card(holder=person, name=name, kind=kind, monthly_limit=limit, last_four=digits)
        cards_and_funds.issue_card(card, actor=actor)
        if number % 5 == 0:
            fund = Fund(owner=person, name=FUNDS[number % len(FUNDS)], balance=75_000)
            cards_and_funds.open_fund(fund, actor=actor)


def give_team_funds(leaders: list[Person], *, actor: Actor) -> None:
    for leader, name in zip(leaders, cycle(TEAM_FUNDS), strict=False):
        fund = Fund(owner=leader, name=name, is_shared=True, balance=400_000, payment_limit=100_000)
        cards_and_funds.open_fund(fund, actor=actor)


def set_up_workflows(approvers: dict[str, list[Person]], *, actor: Actor) -> None:
    """Store the workflows, each with its approvers in order."""
    for name, people in approvers.items():
        choices = [StepChoice(None, person) for person in people]
        approvals.save_workflow(Workflow(name=name), choices, actor=actor)


def run_up(people: list[Person], *, actor: Actor) -> None:
    """Add bills, transactions and reimbursements, and request the missing approvals."""
    workflows = cycle(Workflow.objects.order_by("name"))
    for person, (what, kind, state, amount) in zip(people, cycle(OPEN_MATTERS), strict=False):
        outstanding_item = OutstandingItem(
            person=person, kind=kind, state=state, amount=amount, description=what
        )
        approvals.record_outstanding_item(outstanding_item, actor=actor)
        if state == State.SUBMITTED:
            approvals.request_approval(outstanding_item, next(workflows))


def go_away(person: Person, delegate: Person) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    delegate_approvals(
        person,
        delegate,
        starts_at=now,
        ends_at=now + timedelta(days=14),
        note="Hiking, without a phone",
        actor=person.actor,
    )


def shop() -> None:
    """Authorize purchases by card. One of them exceeds the limit of its card."""
    cards = Card.objects.live().filter(holder__state=Person.State.ACTIVE).order_by("last_four")
    for number, (card, shop) in enumerate(zip(cards[:24], cycle(SHOPS), strict=False), 1):
        amount = 9_000_000 if number == 12 else 1_000 + 737 * number
        cards_and_funds.authorize(
            card, Purchase(amount=amount, currency=card.currency, merchant=shop)
        )
