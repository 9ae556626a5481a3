"""Alerts about bulk deactivations: who sees them, and how they pause terminations."""

from collections.abc import Iterator

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from people.models import BulkChange, Event, Mail, Person, ScheduledTermination, Tenant
from people.operations.bulk import alerts, undo
from people.operations.offboarding.auto_termination import set_auto_termination
from people.operations.offboarding.job import terminate_due
from scim.models import ScimUser
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.companies import deactivate, staff
from tests.support.scim_bulk import MONDAY, OWNER, Clock, alerted, hear, leave

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def alert(clock: Clock, scim: Provider) -> BulkChange:
    """Raise an alert about 12 of 20 people."""
    leave(scim, staff(scim.connection, 20)[:12])
    change: BulkChange = BulkChange.objects.get()
    return change


class TestNotices:
    def test_each_administrator_is_mailed_once(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        core.administrator(email="alan@example.com")
        core.person()
        users = staff(scim.connection, 50)

        leave(scim, users[:20])
        leave(scim, users[20:40])

        mails = Mail.objects.filter(kind=Mail.Kind.BULK_CHANGE)
        assert sorted(mails.values_list("to", flat=True)) == [
            "alan@example.com",
            "owner@example.com",
        ]
        change = BulkChange.objects.get()
        assert {mail.facts["path"] for mail in mails} == {f"/people/bulk-changes/{change.pk}/"}

    def test_pages_of_administrators_show_the_alert(
        self, alert: BulkChange, owner: Person, client: Client
    ) -> None:
        text = "Okta deactivated 12 people within an hour."
        client.force_login(owner)

        for page in ("/people/", "/integrations/", f"/people/{owner.pk}/", "/people/roles/"):
            assert text in text_of(client.get(page)), page

    def test_confirmed_alert_is_not_shown(self, alert: BulkChange, owner: Person) -> None:
        client = signed_in(owner)
        client.post(f"/people/bulk-changes/{alert.pk}/confirm/")

        assert "within an hour" not in text_of(client.get("/people/"))

    def test_alert_of_another_company_is_not_found(self, alert: BulkChange) -> None:
        with core.in_another_tenant():
            client = signed_in(core.owner())

            assert "within an hour" not in text_of(client.get("/people/"))
            assert client.get(f"/people/bulk-changes/{alert.pk}/").status_code == 404
            assert client.get(f"/people/bulk-changes/{alert.pk}/undo/").status_code == 404
            assert client.post(f"/people/bulk-changes/{alert.pk}/confirm/").status_code == 404

    def test_employees_cannot_see_or_confirm_the_alert(self, alert: BulkChange) -> None:
        client = signed_in(core.person())

        assert "within an hour" not in text_of(client.get("/home/"))
        assert client.get(f"/people/bulk-changes/{alert.pk}/").status_code == 302
        assert client.post(f"/people/bulk-changes/{alert.pk}/confirm/").status_code == 302
        alert.refresh_from_db()
        assert alert.is_undecided

    def test_alert_costs_one_query_per_page(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        client = signed_in(owner)
        client.get("/integrations/")
        without = len(queries_of(client, "/integrations/"))

        leave(scim, staff(scim.connection, 20)[:12])

        assert len(queries_of(client, "/integrations/")) == without + 1

    def test_query_count_does_not_grow_with_deactivated_people(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        users = staff(scim.connection, 200)
        leave(scim, users[:60])
        client = signed_in(owner)
        address = f"/people/bulk-changes/{BulkChange.objects.get().pk}/"
        pages = (address, f"{address}undo/", "/people/bulk-changes/")
        few = [len(queries_of(client, page)) for page in pages]

        leave(scim, users[60:])

        assert [len(queries_of(client, page)) for page in pages] == few


class TestPausedTerminations:
    @pytest.fixture
    def due(self, clock: Clock, scim: Provider, tenant: Tenant) -> list[ScimUser]:
        """Deactivate 12 people by mistake, with auto-termination."""
        users = staff(scim.connection, 20)
        set_auto_termination(tenant, 45, actor=OWNER)
        deactivate(scim, users[:12])
        return users[:12]

    @staticmethod
    def run_due_jobs(clock: Clock) -> None:
        clock.jump(days=60)
        call_command("run_due")

    def test_nobody_in_an_undecided_alert_is_terminated(
        self, clock: Clock, due: list[ScimUser]
    ) -> None:
        self.run_due_jobs(clock)

        assert alerted() == [12]
        assert not Person.objects.filter(state="terminated").exists()

    def test_people_in_a_confirmed_alert_are_terminated(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        hear()
        change = BulkChange.objects.get()
        answer = signed_in(owner).post(f"/people/bulk-changes/{change.pk}/confirm/", follow=True)
        assert "Confirmed by <bdi>Olga Owner</bdi>" in text_of(answer)

        self.run_due_jobs(clock)

        assert Person.objects.filter(state="terminated").count() == 12

    def test_nobody_who_is_being_restored_is_terminated(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        hear()
        change = BulkChange.objects.get()
        undo.request_undo(
            change,
            kept=undo.fingerprint(undo.changed_since(change)),
            actor=owner.actor,
        )

        clock.jump(days=60)
        assert terminate_due(as_of=clock.now) == 0


class TestCheckBeforeTermination:
    @pytest.fixture
    def due(self, clock: Clock, scim: Provider, tenant: Tenant) -> list[ScimUser]:
        """Make 20 people due for termination, whose deactivations no worker has checked."""
        users = staff(scim.connection, 20)
        set_auto_termination(tenant, 45, actor=OWNER)
        deactivate(scim, users)
        Event.objects.update(dispatched_at=clock.now)
        clock.jump(days=60)
        return users

    def test_alert_is_raised_although_events_were_lost(
        self, clock: Clock, due: list[ScimUser]
    ) -> None:
        assert terminate_due(as_of=clock.now) == 0

        assert alerted() == [20]

    def test_deactivations_that_are_not_due_yet_count(
        self, clock: Clock, scim: Provider, tenant: Tenant
    ) -> None:
        users = staff(scim.connection, 20)
        set_auto_termination(tenant, 45, actor=OWNER)
        for user in users[:12]:
            deactivate(scim, [user])
            clock.jump(minutes=5)
        Event.objects.update(dispatched_at=clock.now)

        clock.jump(days=45, minutes=-30)
        assert terminate_due(as_of=clock.now) == 0

        assert alerted() == [12]

    def test_two_small_groups_of_people_are_terminated_without_alert(
        self, clock: Clock, scim: Provider, tenant: Tenant
    ) -> None:
        users = staff(scim.connection, 30)
        set_auto_termination(tenant, 45, actor=OWNER)
        deactivate(scim, users[:10])
        clock.jump(hours=3)
        deactivate(scim, users[10:20])
        Event.objects.update(dispatched_at=clock.now)
        clock.jump(days=60)

        assert terminate_due(as_of=clock.now) == 20

        assert alerted() == []

    def test_confirmed_people_are_terminated_without_another_alert(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        terminate_due(as_of=clock.now)
        undo.confirm(BulkChange.objects.get(), actor=owner.actor)

        assert terminate_due(as_of=clock.now) == 20

    def test_nobody_is_terminated_if_the_check_fails(
        self, clock: Clock, due: list[ScimUser], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OperationalError("canceling statement due to lock timeout")

        with monkeypatch.context() as locked:
            locked.setattr(alerts, "check_connection", fail)
            assert terminate_due(as_of=clock.now) == 0
            problems = set(ScheduledTermination.objects.values_list("problem", flat=True))
            assert problems == {
                "Ramp could not check whether too many people were deactivated at once. "
                "It tries again every hour."
            }

        assert terminate_due(as_of=clock.now) == 0
        assert alerted() == [20]
        assert set(ScheduledTermination.objects.values_list("problem", flat=True)) == {""}


class TestThresholds:
    @staticmethod
    def save_thresholds(
        owner: Person, people: object, percent: object, minute_people: object = 50
    ) -> str:
        form = {"people": people, "percent": percent, "minute_people": minute_people}
        client = signed_in(owner)
        return text_of(client.post("/people/bulk-changes/alert-threshold/", form, follow=True))

    def test_administrators_can_change_thresholds(self, owner: Person, tenant: Tenant) -> None:
        assert "alert thresholds were saved" in self.save_thresholds(owner, 3, 50, 7)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (3, 50)
        assert tenant.alarm_minute_people == 7
        text = text_of(signed_in(owner).get("/people/bulk-changes/"))
        assert "more than 3 people and more than 50 %" in text
        assert "more than 7 people within a minute" in text

    @pytest.mark.parametrize(
        ("people", "percent", "minute_people"),
        [
            (0, 20, 50),
            (-1, 20, 50),
            (10, 0, 50),
            (10, 101, 50),
            ("", 20, 50),
            (10, "x", 50),
            (32_768, 20, 50),
            (1.5, 20, 50),
            (10, 20, 0),
            (10, 20, 32_768),
            (10, 20, ""),
        ],
    )
    def test_invalid_thresholds_are_refused(
        self, owner: Person, tenant: Tenant, people: object, percent: object, minute_people: object
    ) -> None:
        assert "alert thresholds were saved" not in self.save_thresholds(
            owner, people, percent, minute_people
        )

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)
        assert tenant.alarm_minute_people == 50

    def test_employees_cannot_change_thresholds(self, tenant: Tenant) -> None:
        self.save_thresholds(core.person(), 3, 50)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)
