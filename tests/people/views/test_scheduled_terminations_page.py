"""The page of scheduled terminations …"""

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

DESK = "/people/departures/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def ada(owner: Person) -> Person:
    """Have Ada Hopper leave in 45 days, on whom somebody else's fund does not depend."""
    switch(45)
    return gone(family_name="Hopper")


def shown(client: Client, **query: Any) -> str:
    return text_of(client.get(DESK, query))


def decide(client: Client, person: Person, action: str, **said: str) -> str:
    address = f"/people/{person.pk}/scheduled-termination/"
    data = {f"{action}-{name}": value for name, value in said.items()}
    return text_of(client.post(address, data | {"action": action}, follow=True))


class TestShows:
    """It shows …"""

    def test_whom_when_and_what_becomes_of_it(self, client: Client, ada: Person) -> None:
        page = shown(client)

        assert "Ada Hopper" in page
        assert f"{after(ada, days=45):%-d %B %Y}</time> (45 days left)" in page
        assert "Default" in page

    def test_that_funds_end_which_the_manager_cannot_have(
        self, client: Client, ada: Person
    ) -> None:
        ada.manager = core.person(given_name="Grace", family_name="Hopper")
        ada.save()
        fund = offboarding.fund(ada)
        assert "Default: cards end, the rest goes to Grace Hopper." in shown(client)

        fund.currency = "GBP"
        fund.save()

        said = "Default: cards and funds in another currency end, the rest goes to Grace Hopper."
        assert said in shown(client)

    @pytest.mark.parametrize(
        ("days", "left"), [(44, "1 day left"), (45, "today"), (46, "due"), (1, "44 days left")]
    )
    def test_the_days_that_are_left(self, owner: Person, days: int, left: str) -> None:
        # Late in the day, when a day that is rounded would be another one.
        with time_machine.travel("2026-03-02T22:00:00Z", tick=False):
            switch(45)
            gone()
        now = datetime(2026, 3, 2, 23, tzinfo=UTC) + timedelta(days=days)
        with time_machine.travel(now, tick=False):
            assert f"({left})" in shown(signed_in(owner))

    def test_each_reason_with_where_to_settle_it(self, client: Client, ada: Person) -> None:
        outstanding_item(ada, "bill", "open")
        shared_fund(ada)

        page = shown(client)

        assert "Open bills</a>, <a" in page
        assert "Ownership of shared funds</a>" in page

    def test_reasons_as_they_are_now(self, client: Client, ada: Person) -> None:
        bill = outstanding_item(ada, "bill", "open")
        assert "Open bills" in shown(client)

        bill.state = "paid"
        bill.save()
        assert "Open bills" not in shown(client)

    def test_that_a_bulk_change_waits(self, client: Client, ada: Person) -> None:
        bulk_change(ada)

        assert re.search("Paused: <a .*>bulk change</a>", shown(client))

    def test_what_was_planned(self, client: Client, ada: Person, owner: Person) -> None:
        core.person(manager=ada)
        heir = core.person(given_name="Grace", family_name="Murray")
        planned = HandoverPlan(reports=str(heir.pk))
        schedule.plan(ada, planned, actor=owner.actor)

        assert "Planned: reports to Grace Murray." in shown(client)

    def test_why_the_job_failed(self, client: Client, ada: Person, owner: Person) -> None:
        core.person(manager=ada)
        schedule.plan(ada, HandoverPlan(reports=str(uuid4())), actor=owner.actor)
        tick(after(ada, days=45))

        assert "Failed: " in shown(client, show="failed")

    def test_nobody_of_another_company(self, client: Client, ada: Person) -> None:
        with core.in_another_tenant():
            core.owner()
            switch(45)
            gone(family_name="Elsewhere")

        assert "Elsewhere" not in shown(client)


class TestIsNarrowed:
    """It is narrowed to …"""

    def test_names_and_addresses(self, client: Client, ada: Person) -> None:
        gone(family_name="Kelly")

        page = shown(client, q="ada hop")
        assert "Hopper" in page
        assert "Kelly" not in page

    @pytest.mark.parametrize("show", ["due", "blocked", "paused", "exempt"])
    def test_who_is(self, client: Client, ada: Person, owner: Person, show: str) -> None:
        them = {name: gone(family_name=f"Is{name}") for name in ("due", "blocked", "exempt")}
        them["paused"] = gone(family_name="Ispaused")
        ScheduledTermination.objects.filter(person=them["due"]).update(due_at=timezone.now())
        shared_fund(them["blocked"])
        bulk_change(them["paused"])
        schedule.exempt(them["exempt"], because="Lawsuit", actor=owner.actor)

        page = shown(client, show=show)

        assert [name for name in them if f"Ada Is{name}<" in page] == [show]
        assert "Hopper" not in page


class TestWhenThereAreNone:
    def test_says_that_it_is_off(self, client: Client) -> None:
        gone()

        assert "Auto-termination is off" in shown(client)

    def test_says_who_would_be_here(self, client: Client) -> None:
        switch(45)

        assert "Nobody is scheduled" in shown(client)

    def test_says_that_nothing_matches(self, client: Client, ada: Person) -> None:
        assert "No scheduled terminations match" in shown(client, q="xyzzy")

    def test_says_that_everybody_has_left(self, client: Client, ada: Person) -> None:
        tick(after(ada, days=45))

        assert "All done" in shown(client)


class TestDecides:
    """It has somebody …"""

    def test_postponed(self, client: Client, ada: Person) -> None:
        until = after(ada, days=60)
        page = decide(client, ada, "postpone", until=f"{until:%Y-%m-%d}", reason="On leave")

        assert f"will not be terminated before {until:%-d %B %Y}" in page
        assert "On leave" in page
        assert tick(after(ada, days=59)) == 0
        assert tick(until) == 1

    @pytest.mark.parametrize(
        ("until", "reason", "said"),
        [
            ("", "On leave", "Choose a day"),
            ("tomorrow", "On leave", "Use the format"),
            ("2020-01-01", "On leave", "Choose a day after"),
            ("2999-01-01", "", "Enter a reason"),
        ],
    )
    def test_postponed_only_with_a_day_and_a_reason(
        self, client: Client, ada: Person, until: str, reason: str, said: str
    ) -> None:
        assert said in decide(client, ada, "postpone", until=until, reason=reason)
        assert ScheduledTermination.objects.get().postponed_from is None

    def test_exempted_and_not_any_more(self, client: Client, ada: Person) -> None:
        assert "Exempt: Lawsuit" in decide(client, ada, "exempt", reason="Lawsuit")
        assert tick(after(ada, days=100)) == 0

        assert "will be terminated on" in decide(client, ada, "end exemption")
        assert tick(after(ada, days=100)) == 1

    def test_exempted_only_with_a_reason(self, client: Client, ada: Person) -> None:
        assert "Enter a reason" in decide(client, ada, "exempt", reason=" ")
        assert ScheduledTermination.objects.get().exempted_at is None

    def test_leave_the_usual_way_again(self, client: Client, ada: Person, owner: Person) -> None:
        schedule.plan(ada, default_handover(ada), actor=owner.actor)

        assert "The default applies" in decide(client, ada, "forget plan")
        assert ScheduledTermination.objects.get().handover_plan is None

    def test_alone_once_they_are_back(self, client: Client, ada: Person) -> None:
        people.reactivate_person(ada, actor=OKTA)

        assert "is no longer scheduled for termination" in decide(client, ada, "exempt", reason="x")

    def test_alone_if_nobody_knows_what_was_meant(self, client: Client, ada: Person) -> None:
        assert "Details" in decide(client, ada, "explode")

    def test_as_an_administrator_only(self, ada: Person) -> None:
        decide(signed_in(core.person()), ada, "exempt", reason="Lawsuit")

        assert ScheduledTermination.objects.get().exempted_at is None


class TestThePersonsPage:
    """The page of a person …"""

    def told(self, client: Client, person: Person) -> str:
        return text_of(client.get(f"/people/{person.pk}/"))

    def test_says_when_they_are_terminated(self, client: Client, ada: Person) -> None:
        page = self.told(client, ada)

        said = (
            f"Scheduled for termination on {after(ada, days=45):%-d %B %Y} (45 days left), unless"
        )
        assert said in page
        assert f'href="/people/{ada.pk}/scheduled-termination/"' in page

    def test_says_what_keeps_them(self, client: Client, ada: Person) -> None:
        shared_fund(ada)

        assert "until this is settled: Ownership of shared funds." in self.told(client, ada)

    def test_says_that_a_bulk_change_waits(self, client: Client, ada: Person) -> None:
        bulk_change(ada)

        assert "Paused until the bulk change is confirmed" in self.told(client, ada)

    def test_says_that_they_are_exempt(self, client: Client, ada: Person, owner: Person) -> None:
        schedule.exempt(ada, because="Lawsuit", actor=owner.actor)

        assert "Will not be terminated automatically. Exempt: Lawsuit." in self.told(client, ada)

    def test_says_nothing_of_those_whom_it_does_not_concern(
        self, client: Client, owner: Person, ada: Person
    ) -> None:
        assert "erminated" not in self.told(client, gone(owner.actor))
        assert "erminated" not in self.told(client, owner)


def test_costs_the_same_for_many(client: Client, ada: Person) -> None:
    few = queries_of(client, DESK)
    for _ in range(9):
        outstanding_item(gone(manager=core.person()), "bill", "open")

    assert len(queries_of(client, DESK)) == len(few)
