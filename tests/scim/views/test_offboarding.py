"""Auto-termination, in SCIM settings, on the command line and by SCIM requests."""

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

INVALID_DAYS = ["0", "-1", "1.5", "soon", "", "40000"]
DAYS_MESSAGE = "Enter a number of days from 1 to 32767"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def address(scim: Provider) -> str:
    return f"/integrations/scim/{scim.connection.pk}/offboarding/"


def get_page(client: Client, address: str, **query: Any) -> str:
    return text_of(client.get(address, query))


def saved_days() -> int | None:
    return Tenant.objects.get().auto_terminate_days


class TestSettings:
    def test_settings_link_to_the_page_while_auto_termination_is_off(
        self, client: Client, scim: Provider, address: str
    ) -> None:
        page = get_page(client, f"/integrations/scim/{scim.connection.pk}/")

        assert "Auto-termination is off" in page
        assert f'href="{address}"' in page

    def test_default_is_45_days(self, client: Client, address: str) -> None:
        assert 'value="45"' in get_page(client, address)

    def test_settings_show_the_number_of_days(self, client: Client, scim: Provider) -> None:
        switch(30)

        page = get_page(client, f"/integrations/scim/{scim.connection.pk}/")

        assert "Auto-termination is on:</strong> people are terminated 30 days after" in page

    def test_auto_termination_can_be_turned_on(self, client: Client, address: str) -> None:
        page = text_of(client.post(address, {"days": "45"}, follow=True))

        assert "terminated after 45 days" in page
        assert saved_days() == 45

    def test_auto_termination_can_be_turned_off(self, client: Client, address: str) -> None:
        switch(45)
        client.post(address, {"switch-off": "yes"})

        assert saved_days() is None

    @pytest.mark.parametrize("wrong", INVALID_DAYS)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_invalid_number_of_days_is_not_saved(
        self, client: Client, address: str, method: str, wrong: str
    ) -> None:
        page = text_of(getattr(client, method)(address, {"days": wrong}))

        assert DAYS_MESSAGE in page
        assert saved_days() is None

    def test_preview_shows_number_and_dates_of_people_concerned(
        self, client: Client, address: str, owner: Person
    ) -> None:
        now = timezone.now()
        for ago in (100, 50, 20, 10):
            with time_machine.travel(now - timedelta(days=ago)):
                last = gone()
            if ago == 100:
                shared_fund(last)
        gone(owner.actor)

        page = get_page(client, address, days="45")

        assert "<dd>2, but 1 of them has blockers and stays for now" in page
        assert f"Nobody is terminated before {now + timedelta(days=1):%-d %B %Y}" in page
        first = now + timedelta(days=25)
        assert f"2: the first on {first:%-d %B %Y}, the last on " in page
        assert f"{after(last, days=45):%-d %B %Y}" in page
        assert not ScheduledTermination.objects.exists()

    def test_preview_lists_people_with_date_and_blockers(
        self, client: Client, address: str, owner: Person
    ) -> None:
        now = timezone.now()
        with time_machine.travel(now - timedelta(days=100)):
            blocked = gone(given_name="Blocked", family_name="Long Ago")
        shared_fund(blocked)
        recent = gone(given_name="Gone", family_name="Today")
        gone(owner.actor, given_name="By", family_name="Hand")

        page = get_page(client, address, days="45")

        assert "Blocked Long Ago" in page
        assert "Ownership of shared funds" in page
        assert f"{now + timedelta(days=1):%-d %B %Y}, " in page
        assert "Gone Today" in page
        assert f"{after(recent, days=45):%-d %B %Y, %H:%M} UTC" in page
        assert "By Hand" not in page

    def test_preview_has_pages_and_a_csv_of_everybody(
        self, client: Client, address: str, owner: Person
    ) -> None:
        for number in range(52):
            gone(given_name="=Formula" if number == 0 else "Ada", family_name=f"No{number:02}x")

        first = get_page(client, address, days="45")
        second = get_page(client, address, days="45", page="2")
        answer = client.get(address, {"days": "45", "csv": "yes"})

        assert len(re.findall(r"No\d\dx</bdi>", first)) == 50
        assert len(re.findall(r"No\d\dx</bdi>", second)) == 2
        lines = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
        assert len(lines) == 53
        assert lines[1][0].startswith("'=Formula")
        assert not ScheduledTermination.objects.exists()

    @pytest.mark.parametrize("before", [None, 45])
    def test_change_is_saved_only_after_the_list_was_shown(
        self, client: Client, address: str, owner: Person, before: int | None
    ) -> None:
        switch(before)
        gone()

        page = text_of(client.post(address, {"days": "10"}))

        assert "Nothing was changed yet" in page
        assert saved_days() == before
        client.post(address, {"days": "10", "seen": seen_in(page)})
        assert saved_days() == 10

    def test_changed_list_is_shown_again(self, client: Client, address: str, owner: Person) -> None:
        gone()
        seen = seen_in(get_page(client, address, days="45"))
        gone(given_name="Late", family_name="Leaver")

        page = text_of(client.post(address, {"days": "45", "seen": seen}))

        assert "Late Leaver" in page
        assert saved_days() is None

    def test_exempt_and_postponed_people_are_unaffected(
        self, client: Client, address: str, owner: Person
    ) -> None:
        switch(45)
        schedule.exempt(gone(), because="Lawsuit", actor=owner.actor)
        until = timezone.now() + timedelta(days=90)
        schedule.postpone(gone(), until, because="Leave", actor=owner.actor)

        assert "<dd>2: nothing changes for them</dd>" in get_page(client, address, days="1")

    def test_changes_are_shown_with_their_administrator(self, client: Client, address: str) -> None:
        client.post(address, {"days": "45"})
        client.post(address, {"switch-off": "yes"})

        page = get_page(client, address)

        assert "On, after 45 days: <bdi>owner@example.com</bdi>" in page
        assert "Off: <bdi>owner@example.com</bdi>" in page

    def test_page_is_not_found_after_disconnecting(
        self, client: Client, scim: Provider, address: str
    ) -> None:
        scim.connection.disconnected_at = timezone.now()
        scim.connection.save()

        assert client.get(address).status_code == 404


def seen_in(page: str) -> str:
    [seen] = re.findall(r'name="seen" value="([^"]*)"', page)
    return str(seen)


class TestCommandLine:
    def connect_scim(self, tenant: Tenant, *options: str) -> dict[str, str]:
        output = StringIO()
        call_command("connect_scim", tenant.slug, "--provider", "okta", *options, stdout=output)
        answer: dict[str, str] = json.loads(output.getvalue())
        return answer

    def test_option_turns_auto_termination_on(self, tenant: Tenant) -> None:
        assert self.connect_scim(tenant, "--auto-terminate-days", "30")["token"]

        assert saved_days() == 30
        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.actor == "command:connect_scim"

    def test_without_option_nothing_changes(self, tenant: Tenant) -> None:
        switch(45)
        self.connect_scim(tenant)

        assert saved_days() == 45

    def test_people_concerned_are_listed_and_yes_is_required(
        self, tenant: Tenant, owner: Person, capsys: pytest.CaptureFixture[str]
    ) -> None:
        gone(given_name="Long", family_name="Gone")

        with pytest.raises(CommandError, match="repeat the command with --yes"):
            self.connect_scim(tenant, "--auto-terminate-days", "30")

        assert "Long Gone <" in capsys.readouterr().err
        assert saved_days() is None
        assert not Connection.objects.exists()
        assert self.connect_scim(tenant, "--auto-terminate-days", "30", "--yes")["token"]
        assert saved_days() == 30

    @pytest.mark.parametrize("wrong", INVALID_DAYS)
    def test_invalid_number_of_days_is_refused(self, tenant: Tenant, wrong: str) -> None:
        with pytest.raises(CommandError, match=DAYS_MESSAGE):
            self.connect_scim(tenant, f"--auto-terminate-days={wrong}")

        assert saved_days() is None
        assert not Connection.objects.exists()


class TestScimRequests:
    def test_deactivation_schedules_termination(self, scim: Provider) -> None:
        switch(45)
        scim.replace(scim.add("ada"), "active", value=False)

        assert ScheduledTermination.objects.get().person.email == "ada@example.com"

    def test_deletion_schedules_termination(self, scim: Provider) -> None:
        switch(45)
        scim("DELETE", f"/Users/{scim.add('ada')}")

        assert ScheduledTermination.objects.get().person.email == "ada@example.com"

    def test_reactivation_cancels_scheduled_termination(self, scim: Provider) -> None:
        switch(45)
        ada = scim.add("ada")
        for value in (False, True):
            scim.replace(ada, "active", value=value)

        assert not ScheduledTermination.objects.exists()

    def test_manually_deactivated_person_is_not_scheduled(
        self, scim: Provider, owner: Person
    ) -> None:
        switch(45)
        ada = scim.add("ada")
        people.deactivate_person(Person.objects.get(email="ada@example.com"), actor=owner.actor)
        scim.replace(ada, "active", value=False)

        assert not ScheduledTermination.objects.exists()
