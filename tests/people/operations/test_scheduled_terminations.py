"""A scheduled termination …"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations import people
from people.operations.offboarding import schedule
from people.operations.offboarding.handover_plan import default_handover
from people.values import Actor
from tests.factories import core
from tests.support.offboarding_job import OKTA, after, gone, switch

pytestmark = pytest.mark.django_db


def due(person: Person) -> datetime:
    return ScheduledTermination.objects.get(person=person).due_at


class TestComesWithADeactivation:
    """It comes with a deactivation …"""

    def test_by_an_identity_provider(self, owner: Person) -> None:
        switch(45)
        ada = gone()

        assert due(ada) == after(ada, days=45)

    @pytest.mark.parametrize("actor", ["person:x@example.com", "job:guests", "command:x"])
    def test_by_nobody_else(self, owner: Person, actor: str) -> None:
        switch(45)
        gone(Actor(*actor.split(":")))

        assert not ScheduledTermination.objects.exists()

    def test_only_where_it_was_switched_on(self, owner: Person) -> None:
        gone()

        assert not ScheduledTermination.objects.exists()

    def test_and_goes_with_the_reactivation(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        people.reactivate_person(ada, actor=owner.actor)

        assert not ScheduledTermination.objects.exists()

    def test_and_counts_anew_with_the_next(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        people.reactivate_person(ada, actor=OKTA)
        with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
            people.deactivate_person(ada, actor=OKTA)

        ada.refresh_from_db()
        assert due(ada) == after(ada, days=45)

    def test_of_the_first_who_shut_them_out(self, owner: Person) -> None:
        switch(45)
        ada = gone(owner.actor)

        assert not people.deactivate_person(ada, actor=OKTA)
        assert not ScheduledTermination.objects.exists()


class TestSwitching:
    """Switching auto-termination …"""

    def test_on_counts_from_the_deactivation(self, owner: Person) -> None:
        ada = gone()
        gone(owner.actor)

        switch(45)

        assert due(ada) == after(ada, days=45)
        assert ScheduledTermination.objects.count() == 1

    def test_on_tells_how_many_are_scheduled(self, tenant: Tenant, owner: Person) -> None:
        gone()
        gone()

        assert schedule.set_auto_termination(tenant, 45, actor=owner.actor) == 2

    def test_on_leaves_other_companies_alone(self, owner: Person) -> None:
        with core.in_another_tenant():
            gone()
        switch(45)

        assert not ScheduledTermination.objects.exists()

    def test_to_other_days_moves_everybody(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        switch(10)

        assert due(ada) == after(ada, days=10)

    def test_to_other_days_leaves_what_was_postponed(self, owner: Person) -> None:
        switch(45)
        ada = gone()
        until = after(ada, days=60)
        schedule.postpone(ada, until, because="On leave", actor=owner.actor)
        switch(10)

        assert due(ada) == until

    def test_off_forgets_the_days(self, owner: Person) -> None:
        switch(45)
        gone()
        switch(None)

        assert not ScheduledTermination.objects.exists()

    def test_off_and_on_again_keeps_what_was_decided(self, owner: Person) -> None:
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
    def test_to_impossible_days_is_refused(self, owner: Person, days: int) -> None:
        with pytest.raises(schedule.InvalidDays):
            switch(days)

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "", "٤٥", "99999", "1e2", "4 5"])
    def test_takes_whole_numbers_only(self, text: str) -> None:
        with pytest.raises(schedule.InvalidDays):
            schedule.read_days(text)

    def test_takes_numbers_with_blanks_around(self) -> None:
        assert schedule.read_days(" 45 ") == 45

    @pytest.mark.parametrize("days", [1, 45])
    def test_counts_hours_and_not_what_clocks_show(self, owner: Person, days: int) -> None:
        # In Berlin the clocks go forward on 29 March 2026 at 01:00 UTC.
        before = datetime(2026, 3, 28, 12, tzinfo=UTC)
        with time_machine.travel(before, tick=False):
            ada = gone()
            switch(days)
            bob = gone()

        assert due(ada) == due(bob) == before + timedelta(hours=24 * days)


class TestMaybe:
    """It may be …"""

    @pytest.fixture
    def ada(self, owner: Person) -> Person:
        switch(45)
        return gone()

    def test_postponed(self, ada: Person, owner: Person) -> None:
        first, until = due(ada), after(ada, days=60)
        schedule.postpone(ada, until, because="On leave", actor=owner.actor)

        scheduled_termination = ScheduledTermination.objects.get()
        assert (scheduled_termination.due_at, scheduled_termination.postponed_from) == (
            until,
            first,
        )
        assert scheduled_termination.postponed_reason == "On leave"

    def test_postponed_again_to_an_earlier_day(self, ada: Person, owner: Person) -> None:
        for days in (90, 60):
            until = after(ada, days=days)
            schedule.postpone(ada, until, because="On leave", actor=owner.actor)

        assert due(ada) == after(ada, days=60)

    @pytest.mark.parametrize("days", [-1, 1, 45])
    def test_made_no_earlier(self, ada: Person, owner: Person, days: int) -> None:
        with pytest.raises(schedule.TooEarly):
            schedule.postpone(ada, after(ada, days=days), because="", actor=owner.actor)

    def test_exempted_and_not_any_more(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        assert ScheduledTermination.objects.get().exempted_by == str(owner.actor)

        schedule.end_exemption(ada, actor=owner.actor)
        assert ScheduledTermination.objects.get().exempted_at is None

    def test_planned_and_not_any_more(self, ada: Person, owner: Person) -> None:
        planned = default_handover(ada)
        schedule.plan(ada, planned, actor=owner.actor)
        assert ScheduledTermination.objects.get().handover_plan == planned.as_json()

        schedule.plan(ada, None, actor=owner.actor)
        assert ScheduledTermination.objects.get().handover_plan is None

    def test_decided_about_by_name(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

        event = Event.objects.get(kind=Event.Kind.SCHEDULED_TERMINATION_CHANGED)
        assert (event.person, event.actor) == (ada, str(owner.actor))
        assert event.facts == {"what": "exempted", "reason": "Lawsuit"}

    def test_nothing_once_they_are_back(self, ada: Person, owner: Person) -> None:
        people.reactivate_person(ada, actor=OKTA)

        with pytest.raises(schedule.NotScheduled):
            schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

    def test_nothing_once_auto_termination_is_off(self, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
        switch(None)

        with pytest.raises(schedule.NotScheduled):
            schedule.end_exemption(ada, actor=owner.actor)
