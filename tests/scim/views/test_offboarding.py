"""Offboarding, in SCIM settings and on the command line …"""

import csv
import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations import people
from people.operations.offboarding import schedule
from scim.models import Connection
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.support.offboarding_job import after, gone, shared_fund, switch

pytestmark = pytest.mark.django_db

WRONG = ["0", "-1", "1.5", "soon", "", "40000"]
CLEAR = "Enter a number of days from 1 to 32767"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def address(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/offboarding/"


def shown(client: Client, address: str, **query: Any) -> str:
    return text_of(client.get(address, query))


def days() -> int | None:
    return Tenant.objects.get().auto_terminate_days


class TestSettings:
    def test_say_that_it_is_off_and_lead_to_switching_it_on(
        self, client: Client, scim: Provider, address: str
    ) -> None:
        page = shown(client, f"/integrations/scim/{scim.connection.pk}/")

        assert "Auto-termination is off" in page
        assert f'href="{address}"' in page

    def test_propose_45_days(self, client: Client, address: str) -> None:
        assert 'value="45"' in shown(client, address)

    def test_say_what_is_on(self, client: Client, scim: Provider) -> None:
        switch(30)

        page = shown(client, f"/integrations/scim/{scim.connection.pk}/")

        assert "Auto-termination is on:</strong> people are terminated 30 days after" in page

    def test_switch_it_on(self, client: Client, address: str) -> None:
        page = text_of(client.post(address, {"days": "45"}, follow=True))

        assert "terminated after 45 days" in page
        assert days() == 45

    def test_switch_it_off(self, client: Client, address: str) -> None:
        switch(45)
        client.post(address, {"switch-off": "yes"})

        assert days() is None

    @pytest.mark.parametrize("wrong", WRONG)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_refuse_what_is_no_number_of_days(
        self, client: Client, address: str, method: str, wrong: str
    ) -> None:
        page = text_of(getattr(client, method)(address, {"days": wrong}))

        assert CLEAR in page
        assert days() is None

    def test_show_before_saving_whom_that_concerns(
        self, client: Client, address: str, owner: Person
    ) -> None:
        now = timezone.now()
        for ago in (100, 50, 20, 10):
            with time_machine.travel(now - timedelta(days=ago)):
                last = gone()
            if ago == 100:
                shared_fund(last)
        gone(owner.actor)

        page = shown(client, address, days="45")

        assert "<dd>2, but 1 of them has blockers and stays for now" in page
        assert f"Nobody is terminated before {now + timedelta(days=1):%-d %B %Y}" in page
        first = now + timedelta(days=25)
        assert f"2: the first on {first:%-d %B %Y}, the last on " in page
        assert f"{after(last, days=45):%-d %B %Y}" in page
        assert not ScheduledTermination.objects.exists()

    def test_list_everybody_by_name_with_their_date_and_what_blocks_it(
        self, client: Client, address: str, owner: Person
    ) -> None:
        now = timezone.now()
        with time_machine.travel(now - timedelta(days=100)):
            blocked = gone(given_name="Blocked", family_name="Long Ago")
        shared_fund(blocked)
        recent = gone(given_name="Gone", family_name="Today")
        gone(owner.actor, given_name="By", family_name="Hand")

        page = shown(client, address, days="45")

        assert "Blocked Long Ago" in page
        assert "Ownership of shared funds" in page
        assert f"{now + timedelta(days=1):%-d %B %Y}, " in page
        assert "Gone Today" in page
        assert f"{after(recent, days=45):%-d %B %Y, %H:%M} UTC" in page
        assert "By Hand" not in page

    def test_lead_through_many_people_and_give_all_of_them_as_csv(
        self, client: Client, address: str, owner: Person
    ) -> None:
        for number in range(52):
            gone(given_name="=Formula" if number == 0 else "Ada", family_name=f"No{number:02}x")

        first = shown(client, address, days="45")
        second = shown(client, address, days="45", page="2")
        answer = client.get(address, {"days": "45", "csv": "yes"})

        assert len(re.findall(r"No\d\dx</bdi>", first)) == 50
        assert len(re.findall(r"No\d\dx</bdi>", second)) == 2
        lines = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
        assert len(lines) == 53
        assert lines[1][0].startswith("'=Formula")
        assert not ScheduledTermination.objects.exists()

    @pytest.mark.parametrize("before", [None, 45])
    def test_change_nothing_before_the_list_was_seen(
        self, client: Client, address: str, owner: Person, before: int | None
    ) -> None:
        switch(before)
        gone()

        page = text_of(client.post(address, {"days": "10"}))

        assert "Nothing was changed yet" in page
        assert days() == before
        client.post(address, {"days": "10", "seen": seen_in(page)})
        assert days() == 10

    def test_show_the_list_again_when_it_has_changed(
        self, client: Client, address: str, owner: Person
    ) -> None:
        gone()
        seen = seen_in(shown(client, address, days="45"))
        gone(given_name="Late", family_name="Leaver")

        page = text_of(client.post(address, {"days": "45", "seen": seen}))

        assert "Late Leaver" in page
        assert days() is None

    def test_leave_out_what_somebody_has_decided(
        self, client: Client, address: str, owner: Person
    ) -> None:
        switch(45)
        schedule.exempt(gone(), because="Lawsuit", actor=owner.actor)
        until = timezone.now() + timedelta(days=90)
        schedule.postpone(gone(), until, because="Leave", actor=owner.actor)

        assert "<dd>2: nothing changes for them</dd>" in shown(client, address, days="1")

    def test_tell_who_changed_it(self, client: Client, address: str) -> None:
        client.post(address, {"days": "45"})
        client.post(address, {"switch-off": "yes"})

        page = shown(client, address)

        assert "On, after 45 days: <bdi>owner@example.com</bdi>" in page
        assert "Off: <bdi>owner@example.com</bdi>" in page

    def test_are_not_there_once_the_connection_has_ended(
        self, client: Client, scim: Provider, address: str
    ) -> None:
        scim.connection.disconnected_at = timezone.now()
        scim.connection.save()

        assert client.get(address).status_code == 404


def seen_in(page: str) -> str:
    [seen] = re.findall(r'name="seen" value="([^"]*)"', page)
    return str(seen)


class TestCommandLine:
    def connect(self, tenant: Tenant, *options: str) -> dict[str, str]:
        said = StringIO()
        call_command("connect_scim", tenant.slug, "--provider", "okta", *options, stdout=said)
        answer: dict[str, str] = json.loads(said.getvalue())
        return answer

    def test_switches_it_on(self, tenant: Tenant) -> None:
        assert self.connect(tenant, "--auto-terminate-days", "30")["token"]

        assert days() == 30
        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.actor == "command:connect_scim"

    def test_leaves_it_as_it_was(self, tenant: Tenant) -> None:
        switch(45)
        self.connect(tenant)

        assert days() == 45

    def test_lists_the_people_concerned_and_waits_for_a_yes(
        self, tenant: Tenant, owner: Person, capsys: pytest.CaptureFixture[str]
    ) -> None:
        gone(given_name="Long", family_name="Gone")

        with pytest.raises(CommandError, match="repeat the command with --yes"):
            self.connect(tenant, "--auto-terminate-days", "30")

        assert "Long Gone <" in capsys.readouterr().err
        assert days() is None
        assert not Connection.objects.exists()
        assert self.connect(tenant, "--auto-terminate-days", "30", "--yes")["token"]
        assert days() == 30

    @pytest.mark.parametrize("wrong", WRONG)
    def test_refuses_what_is_no_number_of_days(self, tenant: Tenant, wrong: str) -> None:
        with pytest.raises(CommandError, match=CLEAR):
            self.connect(tenant, f"--auto-terminate-days={wrong}")

        assert days() is None
        assert not Connection.objects.exists()


class TestScim:
    """A provider's word …"""

    def test_has_somebody_leave(self, scim: Provider) -> None:
        switch(45)
        scim.replace(scim.add("ada"), "active", value=False)

        assert ScheduledTermination.objects.get().person.email == "ada@example.com"

    def test_has_somebody_leave_whom_it_deletes(self, scim: Provider) -> None:
        switch(45)
        scim("DELETE", f"/Users/{scim.add('ada')}")

        assert ScheduledTermination.objects.get().person.email == "ada@example.com"

    def test_keeps_them(self, scim: Provider) -> None:
        switch(45)
        ada = scim.add("ada")
        for value in (False, True):
            scim.replace(ada, "active", value=value)

        assert not ScheduledTermination.objects.exists()

    def test_does_not_count_for_whom_a_colleague_shut_out(
        self, scim: Provider, owner: Person
    ) -> None:
        switch(45)
        ada = scim.add("ada")
        people.deactivate_person(Person.objects.get(email="ada@example.com"), actor=owner.actor)
        scim.replace(ada, "active", value=False)

        assert not ScheduledTermination.objects.exists()
