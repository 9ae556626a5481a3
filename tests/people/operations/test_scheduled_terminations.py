"""Scheduled terminations by auto-termination."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations import people
from people.operations.offboarding import auto_termination, schedule
from people.operations.offboarding.handover_plan import default_handover
from people.values import Actor
from tests.factories import core
from tests.support.offboarding_job import OKTA, after, gone, switch

pytestmark = pytest.mark.django_db


def due(person: Person) -> datetime:
    return ScheduledTermination.objects.get(person=person).due_at


class TestDeactivation:
    def test_by_an_identity_provider_schedules_a_termination(self, owner: Person) -> None:
        switch(45)
        ada = gone()

        assert due(ada) == after(ada, days=45)

    @pytest.mark.parametrize("actor", ["person:x@example.com", "job:guests", "command:x"])
    def test_by_other_actors_schedules_none(self, owner: Person, actor: str) -> None:
        switch(45)
        gone(Actor(*actor.split(":")))

        assert not ScheduledTermination.objects.exists()

    def test_schedules_none_while_auto_termination_is_off(self, owner: Person) -> None:
        gone()

        assert not ScheduledTermination.objects.exists()

    def test_schedule_ends_with_the_reactivation(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        people.reactivate_person(ada, actor=owner.actor)

        assert not ScheduledTermination.objects.exists()

    def test_again_restarts_the_days(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        people.reactivate_person(ada, actor=OKTA)
        with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
            people.deactivate_person(ada, actor=OKTA)

        ada.refresh_from_db()
        assert due(ada) == after(ada, days=45)

    def test_by_scim_after_a_manual_one_schedules_none(self, owner: Person) -> None:
        switch(45)
        ada = gone(owner.actor)

        assert not people.deactivate_person(ada, actor=OKTA)
        assert not ScheduledTermination.objects.exists()


class TestAutoTerminationSetting:
    def test_turned_on_counts_days_from_the_deactivation(self, owner: Person) -> None:
        ada = gone()
        gone(owner.actor)

        switch(45)

        assert due(ada) == after(ada, days=45)
        assert ScheduledTermination.objects.count() == 1

    def test_turned_on_returns_the_number_of_scheduled_people(
        self, tenant: Tenant, owner: Person
    ) -> None:
        gone()
        gone()

        assert auto_termination.set_auto_termination(tenant, 45, actor=owner.actor) == 2

    def test_turned_on_does_not_affect_other_companies(self, owner: Person) -> None:
        with core.in_another_tenant():
            gone()
        switch(45)

        assert not ScheduledTermination.objects.exists()

    def test_with_other_days_moves_due_dates(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        switch(10)

        assert due(ada) == after(ada, days=10)

    def test_with_other_days_keeps_postponed_dates(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        until = after(ada, days=60)
        schedule.postpone(ada, until, because="On leave", actor=owner.actor)
        switch(10)

        assert due(ada) == until

    def test_turned_off_deletes_scheduled_terminations(self, owner: Person) -> None:
        switch(45)
        gone()
        switch(None)

        assert not ScheduledTermination.objects.exists()

    def test_turned_off_and_on_keeps_exemptions(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        switch(None)
        switch(45)

        assert ScheduledTermination.objects.get(person=ada).exempted_reason == "Lawsuit"

    def test_is_recorded_once(self, owner: Person) -> None:
        switch(45)
        switch(45)

        [event] = Event.objects.filter(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.changes == {"auto_terminate_days": {"from": None, "to": 45}}

    @pytest.mark.parametrize("days", [0, -1, 32_768])
    def test_with_invalid_days_is_refused(self, owner: Person, days: int) -> None:
        with pytest.raises(auto_termination.InvalidDays):
            switch(days)

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "", "٤٥", "99999", "1e2", "4 5"])
    def test_refuses_text_that_is_not_an_integer(self, text: str) -> None:
        with pytest.raises(auto_termination.InvalidDays):
            auto_termination.read_days(text)

    def test_accepts_numbers_with_spaces_around(self) -> None:
        assert auto_termination.read_days(" 45 ") == 45

    @pytest.mark.parametrize("days", [1, 45])
    def test_counts_24_hours_per_day_across_clock_changes(self, owner: Person, days: int) -> None:
        # In Berlin the clocks go forward on 29 March 2026 at 01:00 UTC.
        before = datetime(2026, 3, 28, 12, tzinfo=UTC)
        with time_machine.travel(before, tick=False):
            ada = gone()
            switch(days)
            bob = gone()

        assert due(ada) == due(bob) == before + timedelta(hours=24 * days)


class TestScheduledTermination:
    @pytest.fixture
    def ada(self, owner: Person) -> Person:
        switch(45)
        return gone()

    def test_can_be_postponed(self, ada: Person, owner: Person) -> None:
        first, until = due(ada), after(ada, days=60)
        schedule.postpone(ada, until, because="On leave", actor=owner.actor)

        scheduled_termination = ScheduledTermination.objects.get()
        assert (scheduled_termination.due_at, scheduled_termination.postponed_from) == (
            until,
            first,
        )
        assert scheduled_termination.postponed_reason == "On leave"

    def test_can_be_postponed_again_to_an_earlier_day(self, ada: Person, owner: Person) -> None:
        for days in (90, 60):
            until = after(ada, days=days)
            schedule.postpone(ada, until, because="On leave", actor=owner.actor)

        assert due(ada) == after(ada, days=60)

    @pytest.mark.parametrize("days", [-1, 1, 45])
    def test_cannot_be_moved_to_an_earlier_day(self, ada: Person, owner: Person, days: int) -> None:
        with pytest.raises(schedule.TooEarly):
            schedule.postpone(ada, after(ada, days=days), because="", actor=owner.actor)

    def test_can_be_exempted_until_the_exemption_ends(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        assert ScheduledTermination.objects.get().exempted_by == str(owner.actor)

        schedule.end_exemption(ada, actor=owner.actor)
        assert ScheduledTermination.objects.get().exempted_at is None

    def test_can_have_a_handover_plan_that_is_removed_later(
        self, ada: Person, owner: Person
    ) -> None:
        planned = default_handover(ada)
        schedule.plan(ada, planned, actor=owner.actor)
        assert ScheduledTermination.objects.get().handover_plan == planned.as_json()

        schedule.plan(ada, None, actor=owner.actor)
        assert ScheduledTermination.objects.get().handover_plan is None

    def test_records_the_actor_of_an_exemption(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

        event = Event.objects.get(kind=Event.Kind.SCHEDULED_TERMINATION_CHANGED)
        assert (event.person, event.actor) == (ada, str(owner.actor))
        assert event.facts == {"what": "exempted", "reason": "Lawsuit"}

    def test_cannot_be_changed_after_reactivation(self, ada: Person, owner: Person) -> None:
        people.reactivate_person(ada, actor=OKTA)

        with pytest.raises(schedule.NotScheduled):
            schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

    def test_cannot_be_changed_while_auto_termination_is_off(
        self, ada: Person, owner: Person
    ) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        switch(None)

        with pytest.raises(schedule.NotScheduled):
            schedule.end_exemption(ada, actor=owner.actor)
