"""Auto-termination: when it terminates people, and what keeps it from doing so."""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import (
    Approval,
    BulkChange,
    Event,
    Fund,
    Grant,
    OutstandingItem,
    Person,
    Role,
    ScheduledTermination,
)
from people.operations.offboarding import handover_plan, job, schedule, terminate
from people.operations.offboarding.blockers import blockers_of, blockers_of_many
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.people import deactivate_person, reactivate_person
from people.operations.roles import base_roles
from people.tasks import terminate_due
from people.values import Actor
from tests.factories import core
from tests.support.offboarding_job import (
    OKTA,
    after,
    approval,
    bulk_change,
    gone,
    is_terminated,
    outstanding_item,
    shared_fund,
    switch,
    tick,
)

pytestmark = pytest.mark.django_db

MINUTE = {"minutes": 1}


@pytest.fixture
def ada(owner: Person) -> Person:
    """Deactivate a person via SCIM in a tenant with auto-termination after 45 days."""
    switch(45)
    return gone()


class TestTerminates:
    def test_on_the_due_day_and_not_before(self, ada: Person) -> None:
        assert tick(after(ada, days=45, seconds=-1)) == 0
        assert tick(after(ada, days=45)) == 1
        assert is_terminated(ada)

    def test_a_person_only_once(self, ada: Person) -> None:
        assert tick(after(ada, days=45)) == 1
        assert tick(after(ada, days=46)) == 0
        assert Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED).count() == 1

    def test_with_the_job_as_actor(self, ada: Person) -> None:
        tick(after(ada, days=45))

        event = Event.objects.get(kind=Event.Kind.PERSON_TERMINATED)
        assert event.actor == "job:auto-termination"

    def test_people_of_all_companies(self, ada: Person) -> None:
        with core.in_another_tenant():
            core.owner()
            switch(45)
            gone()

        assert tick(after(ada, days=46)) == 2

    def test_people_due_by_the_command_run_due(self, ada: Person) -> None:
        call_command("run_due", as_of=after(ada, days=45))

        assert is_terminated(ada)

    def test_people_due_by_the_celery_task(self, ada: Person) -> None:
        with time_machine.travel(after(ada, days=45)):
            terminate_due()

        assert is_terminated(ada)

    def test_according_to_the_handover_plan(self, ada: Person, owner: Person) -> None:
        heir = core.person()
        fund = shared_fund(ada, is_shared=False)
        planned = HandoverPlan(funds={str(fund.pk): str(heir.pk)})
        schedule.plan(ada, planned, actor=owner.actor)

        tick(after(ada, days=45))

        assert Fund.objects.get().owner == heir

    def test_due_people_every_hour(self) -> None:
        entry = settings.CELERY_BEAT_SCHEDULE["terminate-due"]
        assert entry["task"] == terminate_due.name
        assert {entry["schedule"].minute == {0}, len(entry["schedule"].hour)} == {True, 24}


class TestDoesNotTerminate:
    def test_a_reactivated_person(self, ada: Person) -> None:
        reactivate_person(ada, actor=OKTA)

        assert tick(after(ada, days=45) if ada.deactivated_at else timezone.now()) == 0
        assert tick(timezone.now() + timedelta(days=100)) == 0

    @pytest.mark.parametrize("kind", ["person", "job", "command"])
    def test_a_person_who_was_not_deactivated_via_scim(self, owner: Person, kind: str) -> None:
        switch(45)
        gone(Actor(kind, "somebody"))

        assert tick(timezone.now() + timedelta(days=100)) == 0

    def test_a_person_who_was_reactivated_and_deactivated_manually(
        self, ada: Person, owner: Person
    ) -> None:
        reactivate_person(ada, actor=OKTA)
        deactivate_person(ada, actor=owner.actor)

        assert tick(timezone.now() + timedelta(days=100)) == 0

    def test_an_exempt_person_until_the_exemption_ends(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        assert tick(after(ada, days=100)) == 0

        schedule.end_exemption(ada, actor=owner.actor)
        assert tick(after(ada, days=100)) == 1

    def test_a_person_before_the_postponed_date(self, ada: Person, owner: Person) -> None:
        schedule.postpone(ada, after(ada, days=60), because="Leave", actor=owner.actor)

        assert tick(after(ada, days=59)) == 0
        assert tick(after(ada, days=60)) == 1

    def test_anyone_while_auto_termination_is_off(self, ada: Person, owner: Person) -> None:
        schedule.postpone(ada, after(ada, days=60), because="Leave", actor=owner.actor)
        switch(None)

        assert tick(after(ada, days=100)) == 0

    def test_a_person_who_was_terminated_manually(self, ada: Person, owner: Person) -> None:
        terminate.terminate_person(ada, handover_plan.default_handover(ada), actor=owner.actor)

        assert tick(after(ada, days=45)) == 0

    def test_a_person_of_an_unconfirmed_bulk_change(self, ada: Person) -> None:
        change = bulk_change(ada)
        assert tick(after(ada, days=45)) == 0

        BulkChange.objects.filter(pk=change.pk).update(confirmed_at=timezone.now())
        assert tick(after(ada, days=45)) == 1

    def test_but_terminates_a_person_of_a_bulk_change_without_confirmation(
        self, ada: Person
    ) -> None:
        bulk_change(ada, needs_confirmation=False)

        assert tick(after(ada, days=45)) == 1


def owes(kind: str, state: str) -> Callable[[Person], object]:
    return lambda person: outstanding_item(person, kind, state)


def must_decide_approval(person: Person) -> object:
    return approval(person, outstanding_item(core.person(), "bill", "open"))


def awaits_approval(person: Person) -> object:
    return approval(core.person(), outstanding_item(person, "reimbursement", "paid"))


def has_role(person: Person) -> object:
    elevated = Role.objects.create(tenant_id=person.tenant_id, name="Auditor", is_elevated=True)
    return base_roles.grant_role(person, elevated, actor=OKTA)


def is_admin(person: Person) -> object:
    return Person.objects.filter(pk=person.pk).update(role=Person.Role.IT_ADMIN)


BLOCKED_BY = {
    "reimbursements submitted": ("reimbursements", owes("reimbursement", "submitted")),
    "reimbursements approved": ("reimbursements", owes("reimbursement", "approved")),
    "bills": ("bills", owes("bill", "open")),
    "transactions pending": ("transactions", owes("transaction", "pending")),
    "transactions incomplete": ("transactions", owes("transaction", "incomplete")),
    "approvals that the person must decide": ("approvals", must_decide_approval),
    "approvals of the person's items": ("approvals", awaits_approval),
    "shared funds": ("shared-funds", shared_fund),
    "an elevated role": ("permissions", has_role),
    "an administrator's role": ("permissions", is_admin),
}


def settle(person: Person) -> None:
    """Remove every blocker of the person."""
    Approval.objects.update(state=Approval.State.APPROVED)
    for kind, state in (("reimbursement", "paid"), ("bill", "paid"), ("transaction", "complete")):
        OutstandingItem.objects.filter(kind=kind).update(state=state)
    Fund.objects.update(ended_at=timezone.now())
    Grant.objects.all().delete()
    Person.objects.filter(pk=person.pk).update(role=Person.Role.CARDHOLDER)


@pytest.mark.parametrize(("code", "block"), BLOCKED_BY.values(), ids=BLOCKED_BY)
class TestBlocker:
    def test_prevents_the_termination(
        self, ada: Person, code: str, block: Callable[[Person], object]
    ) -> None:
        block(ada)

        assert [blocker.code for blocker in blockers_of(ada)] == [code]
        assert tick(after(ada, days=45)) == 0

    def test_no_longer_prevents_the_termination_once_settled(
        self, ada: Person, code: str, block: Callable[[Person], object]
    ) -> None:
        block(ada)
        tick(after(ada, days=45))
        settle(ada)

        assert blockers_of(ada) == []
        assert tick(after(ada, days=45, hours=1)) == 1


class TestIsNotBlockedBy:
    @pytest.mark.parametrize(
        ("kind", "state"),
        [("reimbursement", "dropped"), ("bill", "paid"), ("transaction", "complete")],
    )
    def test_settled_items(self, ada: Person, kind: str, state: str) -> None:
        outstanding_item(ada, kind, state)

        assert tick(after(ada, days=45)) == 1

    def test_funds_that_are_not_shared(self, ada: Person) -> None:
        shared_fund(ada, is_shared=False)

        assert tick(after(ada, days=45)) == 1

    def test_roles_that_are_not_elevated(self, ada: Person) -> None:
        role = Role.objects.create(tenant_id=ada.tenant_id, name="Reader", is_elevated=False)
        base_roles.grant_role(ada, role, actor=OKTA)

        assert tick(after(ada, days=45)) == 1

    def test_a_refused_termination_of_another_person(
        self, ada: Person, owner: Person, caplog: pytest.LogCaptureFixture
    ) -> None:
        planned = HandoverPlan(reports=str(uuid4()))
        schedule.plan(ada, planned, actor=owner.actor)
        core.person(manager=ada)
        bob = gone()

        with caplog.at_level(logging.WARNING):
            assert tick(after(bob, days=45)) == 1

        assert not is_terminated(ada)
        assert is_terminated(bob)
        assert str(ada.pk) in caplog.text
        assert ScheduledTermination.objects.get().problem

    def test_an_internal_error_which_is_recorded(
        self, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def explode(person: Person, *_: object, **__: object) -> bool:
            raise RuntimeError(person)

        monkeypatch.setattr(job, "terminate_person", explode)

        assert tick(after(ada, days=45)) == 0
        assert "An internal error occurred" in ScheduledTermination.objects.get().problem


def test_finds_blockers_of_many_people_in_one_query(ada: Person) -> None:
    people = [ada.pk, *(gone().pk for _ in range(20))]

    with CaptureQueriesContext(connection) as captured:
        assert len(blockers_of_many(people)) == 21

    assert len(captured) == 1


def test_processes_all_due_people_though_some_batches_are_blocked(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BATCH", 2)
    for _ in range(5):
        shared_fund(gone())
    last = gone()

    assert tick(after(last, days=45)) == 2
    assert is_terminated(last)


def test_next_job_continues_when_the_time_is_over(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BATCH", 1)
    last = gone()
    as_of = after(last, days=45)

    done, place = job.run_batch(None, as_of=as_of, seconds=0)
    assert (done, is_terminated(ada), is_terminated(last)) == (1, True, False)

    assert job.run_batch(place, as_of=as_of, seconds=60) == (1, None)
