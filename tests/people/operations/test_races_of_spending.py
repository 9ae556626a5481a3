"""Concurrent purchases."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection

from people.models import Authorization, Card, Fund, Person, Tenant
from people.operations import people
from people.operations.offboarding import terminate
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.spend import cards_and_funds
from people.operations.spend.cards_and_funds import Purchase
from people.values import Actor
from tests.clients import spend
from tests.factories import core
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db(transaction=True)

OKTA = Actor("scim", "okta")
ROUNDS = 30
# Purchases must not delay a deactivation for longer than this.
MAX_LENGTH = 1
LUNCH = Purchase(amount=10, currency="EUR", merchant="Café Nero")


@dataclass
class Round:
    """Continuous purchases until the holder is deactivated."""

    held: list[Card | Fund]
    gone: Event = field(default_factory=Event)
    waited: float = 0

    def spend(self, held: Card | Fund) -> None:
        """Purchase until the person is deactivated, and three times more."""
        until = monotonic() + MAX_LENGTH
        while not self.gone.is_set() and monotonic() < until:
            cards_and_funds.authorize(held, LUNCH)
        for _ in range(3):
            cards_and_funds.authorize(held, LUNCH)

    def deactivate(self, person: Person, after: float) -> None:
        sleep(after)
        began = monotonic()
        people.deactivate_person(person, actor=OKTA)
        self.waited = monotonic() - began
        self.gone.set()


def commits(table: str, condition: str, *values: Any) -> list[tuple[Any, datetime]]:
    """Return the reason or state of each row, with the commit time of its transaction."""
    what = {"people_authorization": "reason", "people_person": "state"}[table]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {what}, pg_xact_commit_timestamp(xmin) FROM {table} WHERE {condition}",  # noqa: S608
            values,
        )
        return list(cursor.fetchall())


@pytest.mark.parametrize("racers", [6], indirect=True)
@pytest.mark.parametrize("shares", [True, False], ids=["one card", "a card each"])
def test_nothing_is_approved_after_the_deactivation(
    owner: Person, racers: Racers, *, shares: bool
) -> None:
    """Approvals commit before the deactivation does, refusals after it."""
    chance, seen = Random(4), set()  # noqa: S311  the same instants every time
    for number in range(ROUNDS):
        ada = core.person()
        build = (spend.card, spend.fund)[number % 2]
        held = [build(ada, name=f"{n}") for n in range(1 if shares else racers.number - 1)]
        this = Round(held * (racers.number - 1) if shares else held)

        racers(
            partial(this.deactivate, ada, chance.uniform(0, 0.05)),
            *[partial(this.spend, one) for one in this.held],
        )

        [(_, gone_at)] = commits("people_person", "id = %s", ada.pk)
        key = "card_id" if build is spend.card else "fund_id"
        answers = commits("people_authorization", f"{key} = ANY(%s)", [one.pk for one in held])
        seen |= {reason for reason, _ in answers}
        assert (
            max((at for reason, at in answers if reason == "approved"), default=gone_at) <= gone_at
        )
        assert min(at for reason, at in answers if reason == "holder-inactive") >= gone_at
        assert this.waited < MAX_LENGTH

    assert seen == {"approved", "holder-inactive"}


@pytest.mark.parametrize("racers", [6], indirect=True)
@pytest.mark.parametrize("build", [spend.card, spend.fund])
def test_purchases_never_exceed_the_limit_or_balance(
    tenant: Tenant, racers: Racers, build: Callable[..., Card | Fund]
) -> None:
    for _ in range(ROUNDS // 3):
        limits = {"monthly_limit": 45} if build is spend.card else {"balance": 45}
        held = build(core.person(), **limits)

        answers = racers(*[partial(cards_and_funds.authorize, held, LUNCH)] * racers.number)

        assert sum(answer.is_approved for answer in answers) == 4
        if isinstance(held, Fund):
            held.refresh_from_db()
            assert held.balance == 5


@pytest.mark.parametrize("racers", [4], indirect=True)
def test_card_works_during_its_handover(owner: Person, racers: Racers) -> None:
    """The holder is terminated during the purchases, and an active colleague gets the card."""
    for _ in range(ROUNDS // 3):
        ada, bob = core.person(), core.person()
        card = spend.card(ada)
        to_bob = HandoverPlan(cards={str(card.pk): str(bob.pk)})

        _, *answers = racers(
            partial(terminate.terminate_person, ada, to_bob, actor=OKTA),
            *[partial(cards_and_funds.authorize, card, LUNCH)] * (racers.number - 1),
        )

        assert {answer.reason for answer in answers} == {Authorization.Reason.APPROVED}
