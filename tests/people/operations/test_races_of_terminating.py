"""A termination concurrent with another change of the person."""

from functools import partial
from typing import Any

import pytest

from people.models import Authorization, Card, Fund, Person, Tenant
from people.operations import people, people_update
from people.operations.offboarding import handover_plan
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.operations.roles import base_roles
from people.operations.spend import cards_and_funds
from people.values import Actor
from tests.factories import core
from tests.support import offboarding
from tests.support.concurrency import Racers
from tests.support.offboarding import to

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("racers", [2], indirect=True),
]

OKTA = Actor("scim", "okta")
ROUNDS = 25

terminate = partial(terminate_person, actor=OKTA)


@pytest.fixture(autouse=True)
def company(tenant: Tenant) -> Tenant:
    tenant.owner = core.owner()
    tenant.save(update_fields=["owner"])
    return tenant


def kinds(values: list[Any]) -> set[object]:
    return {answer if isinstance(answer, bool) else type(answer) for answer in values}


def stored(person: Person) -> Person:
    found: Person = Person.objects.get(pk=person.pk)
    return found


def test_two_people_who_hand_over_to_each_other_are_not_both_terminated(racers: Racers) -> None:
    for _ in range(ROUNDS):
        one, other = core.person(), core.person()
        for person in (one, other):
            offboarding.fund(person)
            offboarding.step(person)

        results = racers(
            partial(terminate, one, to(other, one)), partial(terminate, other, to(one, other))
        )

        # The second person has received more items, or the successor is terminated.
        assert (
            len({True, handover_plan.InvalidSuccessor, handover_plan.HoldsMore} & kinds(results))
            == 2
        )
        [stays] = [person for person in (one, other) if stored(person).is_active]
        assert stays.funds.live().count() == stays.steps.count() == 2


def test_person_is_terminated_once(racers: Racers) -> None:
    for _ in range(ROUNDS):
        person, heir = core.person(), core.person()
        offboarding.fund(person)
        plan = to(heir, person)

        answers = racers(*[partial(terminate, stored(person), plan)] * 2)

        assert kinds(answers) == {True, False}
        assert person.events.count() == heir.events.count() == 1


def test_last_two_owners_are_not_both_terminated(racers: Racers) -> None:
    for _ in range(ROUNDS):
        Person.objects.update(role=Person.Role.CARDHOLDER)
        one, other = core.owner(), core.owner()

        results = racers(*[partial(terminate, owner, HandoverPlan()) for owner in (one, other)])

        assert kinds(results) == {True, base_roles.LastOwner}


def test_terminated_manager_gets_no_new_reports(racers: Racers) -> None:
    for _ in range(ROUNDS):
        boss, heir, report = core.person(), core.person(), core.person()
        plan = HandoverPlan(reports=str(heir.pk))

        racers(
            partial(terminate, boss, plan),
            partial(people_update.assign_manager, report, boss, actor=OKTA),
        )

        if stored(boss).state == Person.State.TERMINATED:
            assert stored(report).manager in (None, heir)
        else:
            assert stored(report).manager == boss


def test_report_keeps_a_concurrently_assigned_manager(racers: Racers) -> None:
    for _ in range(ROUNDS):
        boss, heir, elsewhere = core.person(), core.person(), core.person()
        report = core.person(manager=boss)

        results = racers(
            partial(terminate, boss, HandoverPlan(reports=str(heir.pk))),
            partial(people_update.assign_manager, report, elsewhere, actor=OKTA),
        )

        assert results == [True, True]
        assert stored(report).manager == elsewhere


def test_terminated_person_is_not_reactivated(racers: Racers) -> None:
    for _ in range(ROUNDS):
        person = core.person()
        people.deactivate_person(person, actor=OKTA)

        results = racers(
            partial(terminate, person, HandoverPlan()),
            partial(people.reactivate_person, stored(person), actor=OKTA),
        )

        assert results[0] is True
        assert results[1] is True or isinstance(results[1], people.Terminated)
        assert stored(person).state == Person.State.TERMINATED


def test_deactivated_successor_receives_nothing(racers: Racers) -> None:
    for _ in range(ROUNDS):
        person, heir = core.person(), core.person()
        fund = offboarding.fund(person)

        results = racers(
            partial(terminate, person, to(heir, person)),
            partial(people.deactivate_person, heir, actor=OKTA),
        )

        has_moved = Fund.objects.get(pk=fund.pk).owner == heir
        assert has_moved == (results[0] is True)
        assert has_moved or isinstance(results[0], handover_plan.InvalidSuccessor)


def test_terminated_person_gets_no_new_card(racers: Racers) -> None:
    for _ in range(ROUNDS):
        person = core.person()
        card = Card(name="Late", kind=Card.Kind.VIRTUAL, holder=stored(person), monthly_limit=1)

        racers(
            partial(terminate, person, HandoverPlan()),
            partial(cards_and_funds.issue_card, card, actor=OKTA),
        )

        gone = stored(person).state == Person.State.TERMINATED
        assert gone != person.cards.live().exists()


@pytest.mark.parametrize("ends", [True, False])
def test_fund_balance_includes_a_concurrent_purchase(racers: Racers, *, ends: bool) -> None:
    for _ in range(ROUNDS):
        person, heir = core.person(), core.person()
        fund = offboarding.fund(person, balance=1_000)
        plan = to(None if ends else heir, person)
        purchase = cards_and_funds.Purchase(amount=400, currency="EUR")

        done, spent = racers(
            partial(terminate, person, plan), partial(cards_and_funds.authorize, fund, purchase)
        )

        assert done is True
        assert isinstance(spent, Authorization)
        assert spent.is_approved or ends
        fund = Fund.objects.get(pk=fund.pk)
        assert fund.balance == (600 if spent.is_approved else 1_000)
        assert fund.owner == (person if ends else heir)
