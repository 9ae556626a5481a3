"""Concurrent decisions about a request for approval."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from people.models import Approval, Delegation, Event, OutstandingItem, Person
from people.operations.delegations import DelegateAway, delegate_approvals
from people.operations.offboarding.terminate import terminate_person
from people.operations.people import deactivate_person
from people.operations.spend import decisions
from people.values import Actor
from tests.factories import core
from tests.support.concurrency import Racers
from tests.support.offboarding import Kind, State, outstanding_item, step, to, waits

pytestmark = pytest.mark.django_db(transaction=True)

TESTS = Actor("command", "tests")
ROUNDS = 30


def of(number: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("racers", [number], indirect=True)


def asked(approver: Person, *later: Person) -> Approval:
    name = f"Travel {core.number()}"
    first = step(approver, name)
    for place, person in enumerate(later, 2):
        step(person, name, place)
    return waits(first, outstanding_item(core.person(), Kind.REIMBURSEMENT, State.SUBMITTED))


def delegate(person: Person, to: Person) -> Any:
    end = timezone.now() + timedelta(days=1)
    return delegate_approvals(person, to, starts_at=timezone.now(), ends_at=end, actor=person.actor)


def approving(approval: Approval, person: Person) -> Callable[[], Any]:
    return partial(decisions.approve, approval, actor=person.actor)


def declining(approval: Approval, person: Person) -> Callable[[], Any]:
    return partial(decisions.decline, approval, "No receipt", actor=person.actor)


@of(2)
def test_only_one_of_two_concurrent_decisions_counts(owner: Person, racers: Racers) -> None:
    for number in range(ROUNDS):
        ada, bob = core.person(), core.person()
        approval = asked(ada, core.person())
        delegate(ada, bob)
        other = (approving, declining)[number % 2]

        results = racers(approving(approval, ada), other(approval, bob))

        assert sorted(type(one).__name__ for one in results) == ["AlreadyDecided", "NoneType"]
        decided = Event.objects.filter(
            kind=Event.Kind.APPROVAL_DECIDED, facts__id=str(approval.outstanding_item_id)
        )
        [event] = decided
        approval.refresh_from_db()
        assert (approval.state, approval.decided_by) == (event.facts["decision"], event.actor)
        # The next step got one approval, and only if the first step was approved.
        others = Approval.objects.filter(outstanding_item=approval.outstanding_item_id)
        was_approved = approval.state == Approval.State.APPROVED
        assert others.exclude(pk=approval.pk).count() == (1 if was_approved else 0)


@of(2)
def test_delegate_decides_before_a_concurrent_deactivation_or_not_at_all(
    owner: Person, racers: Racers
) -> None:
    for _ in range(ROUNDS):
        ada, bob = core.person(), core.person()
        approval = asked(ada)
        delegate(ada, bob)

        results = racers(approving(approval, bob), partial(deactivate_person, bob, actor=TESTS))

        assert results[1] is True
        decided = Event.objects.filter(
            kind=Event.Kind.APPROVAL_DECIDED, facts__id=str(approval.outstanding_item_id)
        ).first()
        left = Event.objects.get(kind=Event.Kind.PERSON_DEACTIVATED, person=bob)
        assert (decided is None) == isinstance(results[0], decisions.NotApprover)
        assert decided is None or decided.pk < left.pk


@of(2)
def test_approver_decides_before_a_concurrent_termination_or_the_successor_does(
    owner: Person, racers: Racers
) -> None:
    for _ in range(ROUNDS):
        ada, heir = core.person(), core.person()
        approval = asked(ada, ada)
        plan = to(heir, ada)

        results = racers(
            approving(approval, ada), partial(terminate_person, ada, plan, actor=TESTS)
        )

        assert results[1] is True
        waiting = Approval.objects.get(
            outstanding_item=approval.outstanding_item_id, state=Approval.State.PENDING
        )
        assert waiting.step.approver == heir
        assert (waiting == approval) == isinstance(results[0], decisions.NotApprover)


@of(2)
def test_request_of_a_concurrently_terminated_person_is_approved_before_or_dropped(
    owner: Person, racers: Racers
) -> None:
    for _ in range(ROUNDS):
        ada = core.person()
        approval = asked(ada)
        item = approval.outstanding_item

        results = racers(
            approving(approval, ada),
            partial(terminate_person, item.person, to(None, item.person), actor=TESTS),
        )

        assert results[1] is True
        state = OutstandingItem.objects.get(pk=item.pk).state
        refused = isinstance(results[0], decisions.AlreadyDecided)
        assert state == (State.DROPPED if refused else State.APPROVED)


@of(3)
def test_concurrent_delegations_never_choose_a_delegate_who_is_away(
    owner: Person, racers: Racers
) -> None:
    """Three people choose each other in a ring, so at least one of them is refused."""
    for _ in range(ROUNDS):
        ring = [core.person() for _ in range(3)]

        results = racers(
            *[
                partial(delegate, person, to)
                for person, to in zip(ring, [*ring[1:], ring[0]], strict=True)
            ]
        )

        assert {type(one) for one in results} == {bool, DelegateAway}
        assert Delegation.objects.filter(person__in=ring).count() < len(ring)
