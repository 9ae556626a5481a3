"""State machine: in any order of changes, the job terminates exactly the people who are due.

A model of the product computes who must be terminated at each run: no person early, twice, after a
reactivation, after a manual deactivation, while exempt or while blocked; and every other person at
the first run after the due date. People who become due because auto-termination is turned on, its
days are shortened or a bulk change is undone have at least 24 hours.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from people import tenancy
from people.models import (
    Approval,
    BulkChange,
    Event,
    Fund,
    Grant,
    OutstandingItem,
    Person,
    Role,
)
from people.operations import people
from people.operations.bulk import undo
from people.operations.bulk.apply import Bulk
from people.operations.offboarding import handover_plan, schedule, terminate
from people.operations.roles import base_roles
from people.values import Actor
from tests.factories import core
from tests.support.offboarding_job import (
    OKTA,
    approval,
    bulk_change,
    outstanding_item,
    shared_fund,
    switch,
    tick,
)

pytestmark = pytest.mark.django_db

HAND = Actor("person", "owner@example.com")
MAX_PEOPLE = 5
WHO = st.integers(0, MAX_PEOPLE - 1)
DAYS = st.sampled_from([1, 2, 45])
# Also backward, and to moments just before or at a due date.
HOURS = st.sampled_from([1, 23, 24, 25, 48, 24 * 44, 24 * 45, -1, -47])
GRACE = timedelta(hours=24)
# Two days before the clocks of Berlin go forward.
BEGINNING = datetime(2026, 3, 27, 12, 30, tzinfo=UTC)


def _owe(kind: str, state: str) -> Callable[[Person], object]:
    return lambda person: outstanding_item(person, kind, state)


def _settle(kind: str, state: str) -> Callable[[Person], object]:
    return lambda person: OutstandingItem.objects.filter(person=person, kind=kind).update(
        state=state
    )


def _ask_them(person: Person) -> None:
    approval(person, outstanding_item(core.person(), "bill", "open"))


def _answer(person: Person) -> None:
    asked = Approval.objects.filter(step__approver=person)
    asked.update(state=Approval.State.APPROVED)


def _elevate(person: Person) -> None:
    base_roles.grant_role(person, Role.objects.get(), actor=OKTA)


def _end_funds(person: Person) -> None:
    Fund.objects.filter(owner=person).update(ended_at=timezone.now())


def _degrade(person: Person) -> None:
    Grant.objects.filter(person=person).delete()


def _be_in_bulk_change(person: Person) -> None:
    # Another connection, because alerts combine deactivations by one connection within an hour.
    bulk_change(person, actor="scim:entra")


def _confirm(person: Person) -> None:
    changes = BulkChange.objects.filter(items__person=person)
    changes.update(confirmed_at=timezone.now())


# For each blocker: how to add it, and how to remove it.
BLOCKERS: dict[str, tuple[Callable[[Person], object], Callable[[Person], object]]] = {
    "reimbursement": (_owe("reimbursement", "approved"), _settle("reimbursement", "paid")),
    "bill": (_owe("bill", "open"), _settle("bill", "paid")),
    "transaction": (_owe("transaction", "incomplete"), _settle("transaction", "complete")),
    "approval": (_ask_them, _answer),
    "shared fund": (shared_fund, _end_funds),
    "elevated role": (_elevate, _degrade),
    "bulk change": (_be_in_bulk_change, _confirm),
}

EXEMPTION = "exemption"
# The attributes that undoing a bulk change restores.
RESTORED = ("state", "is_by_scim", "since", "due_at", "is_postponed", "is_exempt")
BACK = {"is_exempt": False, "due_at": None, "is_postponed": False}
# A blocker, an exemption or nothing for each person.
CIRCUMSTANCES = st.lists(
    st.none() | st.sampled_from([EXEMPTION, *BLOCKERS]),
    min_size=MAX_PEOPLE,
    max_size=MAX_PEOPLE,
)


@dataclass
class Modelled:
    """The expected state of a person."""

    person: Person
    state: str = "active"
    is_by_scim: bool = False
    since: datetime = BEGINNING
    # None unless they are scheduled.
    due_at: datetime | None = None
    is_postponed: bool = False
    is_exempt: bool = False
    blockers: set[str] = field(default_factory=set)
    # The number of changes of the state.
    moves: int = 0

    def be(self, state: str, **more: Any) -> None:
        self.state = state
        self.moves += 1
        for name, value in more.items():
            setattr(self, name, value)

    def counted(self, days: int) -> datetime:
        """Return the due date from the days or the postponement, without the grace period."""
        if self.is_postponed:
            assert self.due_at
            return self.due_at
        return self.since + timedelta(hours=24 * days)

    def reschedule(self, days: int, now: datetime, *, is_new: bool) -> None:
        """Count from the new days; people who become due by this have 24 hours from now."""
        if self.due_at is None or (self.is_postponed and not is_new):
            return
        earliest = now + GRACE
        floor = earliest if is_new else min(self.due_at, earliest)
        self.due_at = max(self.counted(days), floor)

    def must_leave(self, days: int | None, now: datetime) -> bool:
        if self.due_at is None or self.is_exempt or days is None or self.blockers:
            return False
        return self.due_at <= now


@dataclass
class Click:
    """A bulk action on the People page, and the state that undoing it restores."""

    change: BulkChange
    one: Modelled
    before: dict[str, Any]
    moves: int


class Leaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.days: int | None = None
        self.people: list[Modelled] = []
        self.click: Click | None = None

    @initialize(days=DAYS, blocked_by=CIRCUMSTANCES)
    def begin(self, days: int, blocked_by: list[str | None]) -> None:
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        self.clock = self.stack.enter_context(time_machine.travel(self.now, tick=False))
        tenant = core.tenant()
        self.stack.enter_context(tenancy.use(tenant))
        core.owner(email="owner@example.com")
        Role.objects.create(tenant=tenant, name="Auditor", is_elevated=True)
        self.people, self.click = [], None
        self.switch(days)
        self.hire(blocked_by)

    @rule(blocked_by=CIRCUMSTANCES)
    def hire(self, blocked_by: list[str | None]) -> None:
        """Replace terminated people with new ones, and deactivate these."""
        here = sum(one.state != "terminated" for one in self.people)
        for what in blocked_by[here:]:
            one = Modelled(core.person())
            self.people.append(one)
            self.deactivate_one(one, by_scim=True)
            if what == EXEMPTION:
                schedule.exempt(one.person, because="Lawsuit", actor=HAND)
                one.is_exempt = True
            elif what:
                self.get(one, what)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.stack.close()

    def pick(self, who: int, *states: str) -> Modelled | None:
        """Return a person in one of the states, if any; `assume` would end the run."""
        them = [one for one in self.people if one.state in states]
        return them[who % len(them)] if them else None

    def switch(self, days: int | None) -> None:
        switch(days)
        if days is not None:
            for one in self.people:
                one.reschedule(days, self.now, is_new=self.days is None)
        self.days = days

    @rule(days=DAYS)
    def switch_on(self, days: int) -> None:
        self.switch(days)

    @rule(hours=HOURS)
    def switch_off_for_a_while(self, hours: int) -> None:
        days = self.days
        self.switch(None)
        self.move_the_clock(hours)
        self.switch(days)

    @rule(hours=HOURS)
    def move_the_clock(self, hours: int) -> None:
        self.run_job(self.now + timedelta(hours=hours))

    @rule(who=WHO)
    def wait_for_the_day(self, who: int) -> None:
        """Run the job one second before a due date, and at it."""
        one = self.pick(who, "inactive")
        if one and one.due_at and one.due_at > self.now:
            due_at = one.due_at
            self.run_job(due_at - timedelta(seconds=1))
            self.run_job(due_at)

    def run_job(self, now: datetime) -> None:
        """Run the job at this time; it must terminate exactly the people the model expects."""
        self.now = now
        self.clock.move_to(now)
        leaving = [one for one in self.people if one.must_leave(self.days, self.now)]
        assert tick(self.now) == len(leaving)
        for one in leaving:
            one.be("terminated", due_at=None)

    @rule(who=WHO, by_scim=st.booleans())
    def deactivate(self, who: int, by_scim: bool) -> None:
        one = self.pick(who, "active", "inactive")
        if one:
            self.deactivate_one(one, by_scim=by_scim)

    def deactivate_one(self, one: Modelled, *, by_scim: bool) -> None:
        actor = OKTA if by_scim else HAND
        done = people.deactivate_person(one.person, actor=actor)
        assert done == (one.state == "active")
        if done:
            one.be("inactive", is_by_scim=by_scim, since=self.now)
            if by_scim and self.days is not None:
                one.due_at = one.counted(self.days)

    @rule(who=WHO)
    def reactivate(self, who: int) -> None:
        one = self.pick(who, "inactive")
        if one is None:
            return
        people.reactivate_person(one.person, actor=OKTA)
        one.be("active", **BACK)

    @rule(who=WHO)
    def click_in_the_list(self, who: int) -> None:
        """Deactivate or reactivate a person by a bulk action that can be undone."""
        one = self.pick(who, "active", "inactive")
        if one is None:
            return
        before = {name: getattr(one, name) for name in RESTORED}
        kinds = BulkChange.Kind
        bulk = Bulk(kinds.DEACTIVATED if one.state == "active" else kinds.REACTIVATED, HAND)
        assert bulk.apply(one.person)
        assert bulk.change
        if one.state == "active":
            one.be("inactive", is_by_scim=False, since=self.now)
        else:
            one.be("active", **BACK)
        self.click = Click(bulk.change, one, before, one.moves)

    @rule()
    def undo_the_click(self) -> None:
        click, self.click = self.click, None
        if click is None:
            return
        kept = undo.fingerprint(undo.changed_since(click.change))
        try:
            undo.request_undo(click.change, kept=kept, actor=HAND)
        except undo.TooLateToUndo:
            assert self.now - click.change.began_at >= timedelta(days=30)
        except undo.NothingToUndo:
            assert click.one.moves > click.moves
        else:
            assert click.one.moves == click.moves
            assert undo.undo_requested(as_of=self.now) == 1
            click.one.be(**click.before)
            if click.one.due_at and self.days is not None:
                click.one.due_at = max(click.one.counted(self.days), self.now + GRACE)

    @rule(who=WHO, by_scim=st.booleans())
    def come_back_and_leave_again(self, who: int, by_scim: bool) -> None:
        self.reactivate(who)
        self.deactivate(who, by_scim)

    @rule(who=WHO, days=st.integers(-50, 50))
    def postpone(self, who: int, days: int) -> None:
        one = self.pick(who, "inactive")
        if one is None:
            return
        until = self.now + timedelta(days=days)
        try:
            schedule.postpone(one.person, until, because="Leave", actor=HAND)
        except schedule.NotScheduled:
            assert not one.is_by_scim
        except schedule.TooEarly:
            assert one.due_at
            assert until <= max(self.now, one.due_at)
        else:
            assert until > self.now
            one.due_at, one.is_postponed = until, True

    @rule(who=WHO, is_exempt=st.booleans())
    def exempt(self, who: int, is_exempt: bool) -> None:
        one = self.pick(who, "inactive")
        if one is None:
            return
        try:
            if is_exempt:
                schedule.exempt(one.person, because="Lawsuit", actor=HAND)
            else:
                schedule.end_exemption(one.person, actor=HAND)
        except schedule.NotScheduled:
            assert not one.is_by_scim
        else:
            one.is_exempt = is_exempt

    @rule(who=WHO, what=st.sampled_from([*BLOCKERS]))
    def add_blocker(self, who: int, what: str) -> None:
        one = self.pick(who, "inactive")
        if one and what not in one.blockers:
            self.get(one, what)

    def get(self, one: Modelled, what: str) -> None:
        # An undo changes the row, but not this instance.
        one.person.refresh_from_db()
        BLOCKERS[what][0](one.person)
        one.blockers.add(what)

    @rule(who=WHO)
    def remove_blockers(self, who: int) -> None:
        one = self.pick(who, "inactive", "active")
        if one is None:
            return
        for what in one.blockers:
            BLOCKERS[what][1](one.person)
        one.blockers.clear()

    @rule(who=WHO)
    def terminate_by_hand(self, who: int) -> None:
        one = self.pick(who, "inactive")
        if one is None:
            return
        usual = handover_plan.default_handover(one.person)
        assert terminate.terminate_person(one.person, usual, actor=OKTA)
        one.be("terminated", due_at=None)

    @invariant()
    def states_equal_the_model(self) -> None:
        states = dict(Person.objects.values_list("pk", "state"))
        assert {one.person.pk: one.state for one in self.people}.items() <= states.items()

    @invariant()
    def each_person_is_terminated_once(self) -> None:
        ended = Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED)
        values = list(ended.values_list("person_id", flat=True))
        gone = [one.person.pk for one in self.people if one.state == "terminated"]
        assert sorted(values) == sorted(gone)


def test_job_terminates_exactly_the_people_who_are_due(tenant: Any) -> None:
    run_state_machine_as_test(
        Leaving,
        settings=settings(
            max_examples=60,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
