"""The 24 hours of grace after auto-termination was turned on or its days were shortened."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from people import tenancy
from people.models import Person, ScheduledTermination
from people.operations.offboarding import auto_termination, schedule
from people.operations.offboarding.handover_plan import HandoverPlan
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.support.offboarding_job import gone, is_terminated, switch

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def gone_since(days: float) -> Person:
    with time_machine.travel(timezone.now() - timedelta(days=days)):
        return gone()


def run_due(as_of: datetime) -> int:
    """Call the command `run_due`, and return how many people were terminated."""
    output = StringIO()
    with tenancy.across_tenants():
        call_command("run_due", "--as-of", as_of.isoformat(), stdout=output)
    return int(json.loads(output.getvalue())["done"]["people.operations.departing.terminate_due"])


def due(person: Person) -> datetime:
    return ScheduledTermination.objects.get(person=person).due_at


def test_turning_it_on_terminates_no_one_within_the_grace_period(owner: Person) -> None:
    people = [gone_since(days) for days in (400, 46, 45, 44.5)]
    now = timezone.now()
    switch(45)

    assert run_due(now + 23 * HOUR) == 0
    assert not any(map(is_terminated, people))
    assert run_due(now + 25 * HOUR) == 4


def test_shortening_the_days_terminates_no_one_within_the_grace_period(owner: Person) -> None:
    switch(45)
    ada = gone_since(30)
    now = timezone.now()
    switch(10)

    assert run_due(now + 23 * HOUR) == 0
    assert run_due(now + 25 * HOUR) == 1
    assert is_terminated(ada)


def test_person_who_was_due_before_shortening_stays_due(owner: Person) -> None:
    switch(45)
    ada = gone_since(46)
    before = due(ada)
    switch(10)

    assert due(ada) == before
    assert run_due(timezone.now()) == 1


def test_lengthening_the_days_keeps_the_grace_period(owner: Person) -> None:
    gone_since(400)
    now = timezone.now()
    switch(10)
    switch(45)

    assert run_due(now + 23 * HOUR) == 0


def test_turning_it_off_and_on_restarts_the_grace_period(owner: Person) -> None:
    ada = gone_since(400)
    switch(45)
    with time_machine.travel(timezone.now() + 23 * HOUR):
        switch(None)
        switch(45)
    ScheduledTermination.objects.get(person=ada)

    assert run_due(timezone.now() + 40 * HOUR) == 0


@pytest.mark.parametrize("decision", ["postponed", "planned", "exempted"])
def test_grace_period_applies_to_earlier_decisions_after_turning_it_on_again(
    owner: Person, decision: str
) -> None:
    switch(45)
    ada = gone_since(40)
    match decision:
        case "postponed":
            until = timezone.now() + timedelta(days=10)
            schedule.postpone(ada, until, because="Leave", actor=owner.actor)
        case "planned":
            schedule.plan(ada, HandoverPlan(), actor=owner.actor)
        case "exempted":
            schedule.exempt(ada, because="Lawsuit", actor=owner.actor)
    switch(None)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        switch(45)
        if decision == "exempted":
            schedule.end_exemption(ada, actor=owner.actor)

        assert run_due(timezone.now() + 23 * HOUR) == 0
        assert run_due(timezone.now() + 25 * HOUR) == 1


def test_dates_of_other_companies_do_not_change(owner: Person) -> None:
    with core.in_another_tenant():
        core.owner()
        switch(45)
        theirs = gone_since(46)
        before = due(theirs)
    switch(45)

    with tenancy.use(theirs.tenant_id):
        assert due(theirs) == before


@pytest.mark.parametrize("current", [None, 10, 45, 100])
@pytest.mark.parametrize("days", [1, 30, 45, 90])
def test_forecast_dates_equal_the_stored_dates(
    owner: Person, current: int | None, days: int
) -> None:
    switch(current)
    people = [gone_since(ago) for ago in (400, 91, 46, 44.5, 29.5, 2, 0)]
    if current:
        until = timezone.now() + timedelta(days=200)
        schedule.postpone(people[-1], until, because="Leave", actor=owner.actor)
    with time_machine.travel(timezone.now(), tick=False):
        foreseen = {
            one.pk: auto_termination.forecast_due_at(
                one, days, is_new=current is None, now=timezone.now()
            )
            for one in auto_termination.affected_people()
        }
        switch(days)

    assert foreseen == dict(ScheduledTermination.objects.values_list("person", "due_at"))


def test_page_of_scheduled_terminations_explains_the_grace_period(owner: Person) -> None:
    gone_since(400)
    client = signed_in(owner)
    switch(45)

    page = text_of(client.get("/people/departures/"))

    assert "24 hours after auto-termination was turned on or changed" in page
    ScheduledTermination.objects.update(due_at=timezone.now() - HOUR)
    assert "24 hours after" not in text_of(client.get("/people/departures/"))


def test_grace_period_does_not_apply_to_later_deactivations(owner: Person) -> None:
    switch(1)
    ada = gone()

    assert ada.deactivated_at
    assert due(ada) == ada.deactivated_at + timedelta(days=1)
    page = text_of(signed_in(owner).get("/people/departures/"))
    assert "24 hours after" not in page
