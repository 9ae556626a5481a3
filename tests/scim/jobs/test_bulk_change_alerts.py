"""An alert that many people were deactivated …"""

from collections.abc import Iterator

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from people.models import BulkChange, Event, Mail, Person, ScheduledTermination, Tenant
from people.operations.bulk import alerts, undo
from people.operations.offboarding.job import terminate_due
from people.operations.offboarding.schedule import set_auto_termination
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


class TestTells:
    """It tells …"""

    def test_each_administrator_once_by_mail(
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

    def test_every_page_of_administrators(
        self, alert: BulkChange, owner: Person, client: Client
    ) -> None:
        said = "Okta deactivated 12 people within an hour."
        client.force_login(owner)

        for page in ("/people/", "/integrations/", f"/people/{owner.pk}/", "/people/roles/"):
            assert said in text_of(client.get(page)), page

    def test_nobody_any_more_who_has_decided(self, alert: BulkChange, owner: Person) -> None:
        client = signed_in(owner)
        client.post(f"/people/bulk-changes/{alert.pk}/confirm/")

        assert "within an hour" not in text_of(client.get("/people/"))

    def test_nobody_of_another_company(self, alert: BulkChange) -> None:
        with core.in_another_tenant():
            client = signed_in(core.owner())

            assert "within an hour" not in text_of(client.get("/people/"))
            assert client.get(f"/people/bulk-changes/{alert.pk}/").status_code == 404
            assert client.get(f"/people/bulk-changes/{alert.pk}/undo/").status_code == 404
            assert client.post(f"/people/bulk-changes/{alert.pk}/confirm/").status_code == 404

    def test_no_employee(self, alert: BulkChange) -> None:
        client = signed_in(core.person())

        assert "within an hour" not in text_of(client.get("/home/"))
        assert client.get(f"/people/bulk-changes/{alert.pk}/").status_code == 302
        assert client.post(f"/people/bulk-changes/{alert.pk}/confirm/").status_code == 302
        alert.refresh_from_db()
        assert alert.is_undecided

    def test_at_the_cost_of_one_query_more_on_a_page(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        client = signed_in(owner)
        client.get("/integrations/")
        without = len(queries_of(client, "/integrations/"))

        leave(scim, staff(scim.connection, 20)[:12])

        assert len(queries_of(client, "/integrations/")) == without + 1

    def test_the_same_queries_however_many_they_are(
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


class TestPauses:
    """It keeps from being terminated …"""

    @pytest.fixture
    def due(self, clock: Clock, scim: Provider, tenant: Tenant) -> list[ScimUser]:
        """Have 12 people deactivated by mistake be due for termination."""
        users = staff(scim.connection, 20)
        set_auto_termination(tenant, 45, actor=OWNER)
        deactivate(scim, users[:12])
        return users[:12]

    @staticmethod
    def run_due(clock: Clock) -> None:
        clock.jump(days=60)
        call_command("run_due")

    def test_whoever_is_not_decided_on(self, clock: Clock, due: list[ScimUser]) -> None:
        self.run_due(clock)

        assert alerted() == [12]
        assert not Person.objects.filter(state="terminated").exists()

    def test_nobody_once_it_was_confirmed(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        hear()
        change = BulkChange.objects.get()
        answer = signed_in(owner).post(f"/people/bulk-changes/{change.pk}/confirm/", follow=True)
        assert "Confirmed by <bdi>Olga Owner</bdi>" in text_of(answer)

        self.run_due(clock)

        assert Person.objects.filter(state="terminated").count() == 12

    def test_whoever_is_about_to_be_restored(
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


class TestGuard:
    """Before anybody is terminated, it …"""

    @pytest.fixture
    def due(self, clock: Clock, scim: Provider, tenant: Tenant) -> list[ScimUser]:
        """Have everybody be due whom a mistake deactivated, and no worker hear of it."""
        users = staff(scim.connection, 20)
        set_auto_termination(tenant, 45, actor=OWNER)
        deactivate(scim, users)
        Event.objects.update(dispatched_at=clock.now)
        clock.jump(days=60)
        return users

    def test_looks_again_for_an_event_may_be_lost(self, clock: Clock, due: list[ScimUser]) -> None:
        assert terminate_due(as_of=clock.now) == 0

        assert alerted() == [20]

    def test_sees_those_who_are_not_due_yet(
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

    def test_lets_go_whoever_left_among_few(
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

    def test_does_not_ask_again_about_what_was_confirmed(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        terminate_due(as_of=clock.now)
        undo.confirm(BulkChange.objects.get(), actor=owner.actor)

        assert terminate_due(as_of=clock.now) == 20

    def test_refuses_while_it_cannot_look(
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
    """Its thresholds …"""

    @staticmethod
    def set(owner: Person, people: object, percent: object, minute_people: object = 50) -> str:
        form = {"people": people, "percent": percent, "minute_people": minute_people}
        client = signed_in(owner)
        return text_of(client.post("/people/bulk-changes/alert-threshold/", form, follow=True))

    def test_are_set_by_administrators(self, owner: Person, tenant: Tenant) -> None:
        assert "alert thresholds were saved" in self.set(owner, 3, 50, 7)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (3, 50)
        assert tenant.alarm_minute_people == 7
        said = text_of(signed_in(owner).get("/people/bulk-changes/"))
        assert "more than 3 people and more than 50 %" in said
        assert "more than 7 people within a minute" in said

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
    def test_are_numbers_that_can_be(
        self, owner: Person, tenant: Tenant, people: object, percent: object, minute_people: object
    ) -> None:
        assert "alert thresholds were saved" not in self.set(owner, people, percent, minute_people)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)
        assert tenant.alarm_minute_people == 50

    def test_are_nobody_elses_to_set(self, tenant: Tenant) -> None:
        self.set(core.person(), 3, 50)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)
