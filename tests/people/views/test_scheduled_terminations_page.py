"""The page of scheduled terminations, and decisions about them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people.models import Person, ScheduledTermination
from people.operations import people
from people.operations.offboarding import schedule
from people.operations.offboarding.handover_plan import HandoverPlan, default_handover
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding_job import (
    OKTA,
    after,
    bulk_change,
    gone,
    outstanding_item,
    shared_fund,
    switch,
    tick,
)

pytestmark = pytest.mark.django_db

PAGE = "/people/departures/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def ada(owner: Person) -> Person:
    """Ada Hopper, who is scheduled for termination in 45 days and has no blockers."""
    switch(45)
    return gone(family_name="Hopper")


def shown(client: Client, **query: Any) -> str:
    return text_of(client.get(PAGE, query))


def decide(client: Client, person: Person, action: str, **values: str) -> str:
    address = f"/people/{person.pk}/scheduled-termination/"
    data = {f"{action}-{name}": value for name, value in values.items()}
    return text_of(client.post(address, data | {"action": action}, follow=True))


class TestShows:
    def test_person_date_and_default_handover(self, client: Client, ada: Person) -> None:
        page = shown(client)

        assert "Ada Hopper" in page
        assert f"{after(ada, days=45):%-d %B %Y}</time> (45 days left)" in page
        assert "Default" in page

    def test_that_funds_in_another_currency_end(self, client: Client, ada: Person) -> None:
        ada.manager = core.person(given_name="Grace", family_name="Hopper")
        ada.save()
        fund = offboarding.fund(ada)
        assert "Default: cards end, the rest goes to Grace Hopper." in shown(client)

        fund.currency = "GBP"
        fund.save()

        text = "Default: cards and funds in another currency end, the rest goes to Grace Hopper."
        assert text in shown(client)

    @pytest.mark.parametrize(
        ("days", "left"), [(44, "1 day left"), (45, "today"), (46, "due"), (1, "44 days left")]
    )
    def test_days_left(self, owner: Person, days: int, left: str) -> None:
        # Late in the day, so that rounding would give another number of days.
        with time_machine.travel("2026-03-02T22:00:00Z", tick=False):
            switch(45)
            gone()
        now = datetime(2026, 3, 2, 23, tzinfo=UTC) + timedelta(days=days)
        with time_machine.travel(now, tick=False):
            assert f"({left})" in shown(signed_in(owner))

    def test_each_blocker_with_a_link(self, client: Client, ada: Person) -> None:
        outstanding_item(ada, "bill", "open")
        shared_fund(ada)

        page = shown(client)

        assert "Open bills</a>, <a" in page
        assert "Ownership of shared funds</a>" in page

    def test_current_blockers(self, client: Client, ada: Person) -> None:
        bill = outstanding_item(ada, "bill", "open")
        assert "Open bills" in shown(client)

        bill.state = "paid"
        bill.save()
        assert "Open bills" not in shown(client)

    def test_bulk_change_that_pauses_the_termination(self, client: Client, ada: Person) -> None:
        bulk_change(ada)

        assert re.search("Paused: <a .*>bulk change</a>", shown(client))

    def test_planned_handover(self, client: Client, ada: Person, owner: Person) -> None:
        core.person(manager=ada)
        heir = core.person(given_name="Grace", family_name="Murray")
        planned = HandoverPlan(reports=str(heir.pk))
        schedule.plan(ada, planned, actor=owner.actor)

        assert "Planned: reports to Grace Murray." in shown(client)

    def test_reason_of_a_failure(self, client: Client, ada: Person, owner: Person) -> None:
        core.person(manager=ada)
        schedule.plan(ada, HandoverPlan(reports=str(uuid4())), actor=owner.actor)
        tick(after(ada, days=45))

        assert "Failed: " in shown(client, show="failed")

    def test_no_people_of_another_company(self, client: Client, ada: Person) -> None:
        with core.in_another_tenant():
            core.owner()
            switch(45)
            gone(family_name="Elsewhere")

        assert "Elsewhere" not in shown(client)


class TestFilters:
    def test_search_by_name(self, client: Client, ada: Person) -> None:
        gone(family_name="Kelly")

        page = shown(client, q="ada hop")
        assert "Hopper" in page
        assert "Kelly" not in page

    @pytest.mark.parametrize("show", ["due", "blocked", "paused", "exempt"])
    def test_filter_by_status(self, client: Client, ada: Person, owner: Person, show: str) -> None:
        them = {name: gone(family_name=f"Is{name}") for name in ("due", "blocked", "exempt")}
        them["paused"] = gone(family_name="Ispaused")
        ScheduledTermination.objects.filter(person=them["due"]).update(due_at=timezone.now())
        shared_fund(them["blocked"])
        bulk_change(them["paused"])
        schedule.exempt(them["exempt"], because="Lawsuit", actor=owner.actor)

        page = shown(client, show=show)

        assert [name for name in them if f"Ada Is{name}<" in page] == [show]
        assert "Hopper" not in page


class TestEmptyList:
    def test_says_that_auto_termination_is_off(self, client: Client) -> None:
        gone()

        assert "Auto-termination is off" in shown(client)

    def test_says_that_no_person_is_scheduled(self, client: Client) -> None:
        switch(45)

        assert "Nobody is scheduled" in shown(client)

    def test_says_that_nothing_matches(self, client: Client, ada: Person) -> None:
        assert "No scheduled terminations match" in shown(client, q="xyzzy")

    def test_says_that_all_terminations_are_done(self, client: Client, ada: Person) -> None:
        tick(after(ada, days=45))

        assert "All done" in shown(client)


class TestDecisions:
    def test_postpone(self, client: Client, ada: Person) -> None:
        until = after(ada, days=60)
        page = decide(client, ada, "postpone", until=f"{until:%Y-%m-%d}", reason="On leave")

        assert f"will not be terminated before {until:%-d %B %Y}" in page
        assert "On leave" in page
        assert tick(after(ada, days=59)) == 0
        assert tick(until) == 1

    @pytest.mark.parametrize(
        ("until", "reason", "text"),
        [
            ("", "On leave", "Choose a day"),
            ("tomorrow", "On leave", "Use the format"),
            ("2020-01-01", "On leave", "Choose a day after"),
            ("2999-01-01", "", "Enter a reason"),
        ],
    )
    def test_postpone_requires_a_future_day_and_a_reason(
        self, client: Client, ada: Person, until: str, reason: str, text: str
    ) -> None:
        assert text in decide(client, ada, "postpone", until=until, reason=reason)
        assert ScheduledTermination.objects.get().postponed_from is None

    def test_exempt_and_end_exemption(self, client: Client, ada: Person) -> None:
        assert "Exempt: Lawsuit" in decide(client, ada, "exempt", reason="Lawsuit")
        assert tick(after(ada, days=100)) == 0

        assert "will be terminated on" in decide(client, ada, "end exemption")
        assert tick(after(ada, days=100)) == 1

    def test_exempt_requires_a_reason(self, client: Client, ada: Person) -> None:
        assert "Enter a reason" in decide(client, ada, "exempt", reason=" ")
        assert ScheduledTermination.objects.get().exempted_at is None

    def test_remove_the_planned_handover(self, client: Client, ada: Person, owner: Person) -> None:
        schedule.plan(ada, default_handover(ada), actor=owner.actor)

        assert "The default applies" in decide(client, ada, "forget plan")
        assert ScheduledTermination.objects.get().handover_plan is None

    def test_refused_after_reactivation(self, client: Client, ada: Person) -> None:
        people.reactivate_person(ada, actor=OKTA)

        assert "is no longer scheduled for termination" in decide(client, ada, "exempt", reason="x")

    def test_unknown_action_changes_nothing(self, client: Client, ada: Person) -> None:
        assert "Details" in decide(client, ada, "explode")

    def test_refused_for_employees(self, ada: Person) -> None:
        decide(signed_in(core.person()), ada, "exempt", reason="Lawsuit")

        assert ScheduledTermination.objects.get().exempted_at is None


class TestPersonPage:
    def page_of(self, client: Client, person: Person) -> str:
        return text_of(client.get(f"/people/{person.pk}/"))

    def test_shows_the_date_of_the_termination(self, client: Client, ada: Person) -> None:
        page = self.page_of(client, ada)

        text = (
            f"Scheduled for termination on {after(ada, days=45):%-d %B %Y} (45 days left), unless"
        )
        assert text in page
        assert f'href="/people/{ada.pk}/scheduled-termination/"' in page

    def test_shows_blockers(self, client: Client, ada: Person) -> None:
        shared_fund(ada)

        assert "until this is settled: Ownership of shared funds." in self.page_of(client, ada)

    def test_shows_that_a_bulk_change_pauses_the_termination(
        self, client: Client, ada: Person
    ) -> None:
        bulk_change(ada)

        assert "Paused until the bulk change is confirmed" in self.page_of(client, ada)

    def test_shows_the_exemption(self, client: Client, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

        assert "Will not be terminated automatically. Exempt: Lawsuit." in self.page_of(client, ada)

    def test_shows_nothing_for_people_who_are_not_scheduled(
        self, client: Client, owner: Person, ada: Person
    ) -> None:
        assert "scheduled-termination" not in self.page_of(client, gone(owner.actor))
        assert "scheduled-termination" not in self.page_of(client, owner)


def test_takes_the_same_queries_for_many_people(client: Client, ada: Person) -> None:
    few = queries_of(client, PAGE)
    for _ in range(9):
        outstanding_item(gone(manager=core.person()), "bill", "open")

    assert len(queries_of(client, PAGE)) == len(few)
