"""Somebody who holds something of everything, and what is told about it."""

from dataclasses import dataclass, field
from typing import Any

from people.models import Approval, Card, Fund, OutstandingItem, Person, Step, Workflow
from people.operations.offboarding import handover_plan
from people.operations.offboarding.handover_plan import HandoverPlan
from tests.factories import core

Kind = OutstandingItem.Kind
State = OutstandingItem.State


def new_card(holder: Person, **fields: Any) -> Card:
    usual: dict[str, Any] = {"name": "Travel", "kind": Card.Kind.VIRTUAL, "last_four": "4242"}
    usual |= {"currency": "EUR", "monthly_limit": 50_000}
    return Card(tenant_id=holder.tenant_id, holder=holder, **usual | fields)


def card(holder: Person, **fields: Any) -> Card:
    card = new_card(holder, **fields)
    card.save()
    return card


def new_fund(owner: Person, **fields: Any) -> Fund:
    usual: dict[str, Any] = {"name": "Team", "currency": "EUR", "balance": 12_345}
    usual |= {"payment_limit": 5_000}
    return Fund(tenant_id=owner.tenant_id, owner=owner, **usual | fields)


def fund(owner: Person, **fields: Any) -> Fund:
    fund = new_fund(owner, **fields)
    fund.save()
    return fund


def step(approver: Person, name: str = "", place: int = 1) -> Step:
    workflow, _ = Workflow.objects.get_or_create(
        tenant_id=approver.tenant_id, name=name or f"Invoices {core.number()}"
    )
    return Step.objects.create(
        tenant_id=approver.tenant_id, workflow=workflow, place=place, approver=approver
    )


def outstanding_item(person: Person, kind: Kind, state: State, **fields: Any) -> OutstandingItem:
    usual = {"amount": 4_200, "currency": "EUR", "description": f"{state.label} {kind.label}"}
    return OutstandingItem.objects.create(
        tenant_id=person.tenant_id, person=person, kind=kind, state=state, **usual | fields
    )


def waits(at: Step, about: OutstandingItem) -> Approval:
    return Approval.objects.create(tenant_id=at.tenant_id, step=at, outstanding_item=about)


def to(successor: Person | None, person: Person) -> HandoverPlan:
    """Give everything that can go to anybody to the successor, or end it."""
    held = handover_plan.holdings_of(person)
    whom = str(successor.pk) if successor else None
    virtual = {card.pk for card in held.cards if card.kind == Card.Kind.VIRTUAL}
    return HandoverPlan(
        cards={str(card.pk): whom if card.pk in virtual else None for card in held.cards},
        funds={str(fund.pk): whom for fund in held.funds},
        steps={str(step.pk): whom for step in held.steps if whom},
        reports=whom,
    )


@dataclass
class Leaver:
    """A manager with cards, funds, steps, reports and reimbursements."""

    person: Person
    heir: Person
    physical: Card = field(init=False)
    virtual: Card = field(init=False)
    funds: list[Fund] = field(init=False)
    steps: list[Step] = field(init=False)
    reports: list[Person] = field(init=False)
    submitted: OutstandingItem = field(init=False)
    waiting: Approval = field(init=False)

    def __post_init__(self) -> None:
        person, colleague = self.person, core.person(given_name="Cora")
        self.physical = card(person, name="Plastic", kind=Card.Kind.PHYSICAL)
        self.virtual = card(person)
        self.funds = [fund(person), fund(person, name="Offsite", is_shared=True)]
        self.steps = [step(person, "Invoices"), step(person, "Travel"), step(person, "Bills", 2)]
        self.reports = [core.person(manager=person, given_name=name) for name in ("Bob", "Eve")]
        self.submitted = outstanding_item(person, Kind.REIMBURSEMENT, State.SUBMITTED)
        waits(step(colleague), self.submitted)
        self.waiting = waits(
            self.steps[0], outstanding_item(colleague, Kind.REIMBURSEMENT, State.SUBMITTED)
        )
