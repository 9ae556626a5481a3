"""When a connection deactivates people, the mass-change guard …"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from people import events, operations
from people.models import Mail, MassChange, MassChangeItem, Person, Tenant
from people.operations import alarms, mass_changes
from people.operations.departing import terminate_due
from people.operations.departures import set_auto_termination
from people.values import Actor
from scim.models import ScimUser
from tests import make
from tests.people.visiting import queries_of, signed_in, text_of
from tests.scim.conftest import Connect
from tests.scim.provider import Provider
from tests.scim.staff import deactivate, staff

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNER = Actor("person", "owner@example.com")
BACK = {"op": "replace", "path": "active", "value": True}


class Clock:
    """Lets time pass."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.now = MONDAY

    def jump(self, **ahead: float) -> None:
        self.now += timedelta(**ahead)
        self.traveller.move_to(self.now)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Clock(traveller)


def hear() -> None:
    """Have a worker hear of what has happened."""
    events.dispatch_all(as_of=datetime.now(UTC))


def leave(scim: Provider, users: list[ScimUser]) -> None:
    deactivate(scim, users)
    hear()


def alarmed() -> list[int]:
    """Return how many people each alarm is about."""
    return [change.items.count() for change in MassChange.objects.order_by("began_at")]


class TestNotices:
    """It notices …"""

    @pytest.mark.parametrize(
        ("owned", "leaving", "is_alarm"),
        [
            (10, 9, False),
            (10, 10, False),
            (11, 11, True),
            (12, 10, False),
            (50, 10, False),
            (50, 11, True),
            (55, 11, False),
            (57, 11, False),
            (57, 12, True),
            (100, 20, False),
            (100, 21, True),
            (104, 20, False),
            (104, 21, True),
        ],
    )
    def test_more_than_ten_people_and_a_fifth_of_them(
        self, clock: Clock, scim: Provider, owned: int, leaving: int, is_alarm: bool
    ) -> None:
        users = staff(scim.connection, owned)

        leave(scim, users[:leaving])

        assert alarmed() == ([leaving] if is_alarm else [])
        for change in MassChange.objects.all():
            assert (change.actor, change.kind) == ("scim:okta", "deactivated")
            assert change.is_undecided
            assert change.began_at == MONDAY

    def test_what_administrators_have_set(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 8)
        tenant = scim.connection.tenant
        alarms.set_alarm(tenant, people=3, percent=50, actor=OWNER)

        leave(scim, users[:4])
        assert alarmed() == []

        leave(scim, users[4:5])
        assert alarmed() == [5]

    def test_many_within_any_hour(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)

        for user in users[:10]:
            leave(scim, [user])
            clock.jump(minutes=1)
        clock.jump(minutes=50, seconds=-1)
        leave(scim, users[10:11])

        assert alarmed() == [11]

    def test_no_more_than_an_hour_sees(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)

        for user in users[:30]:
            leave(scim, [user])
            clock.jump(minutes=6, seconds=1)

        assert alarmed() == []

    def test_an_hour_of_which_no_worker_heard_at_the_time(
        self, clock: Clock, scim: Provider
    ) -> None:
        users = staff(scim.connection, 50)
        for user in users[:11]:
            deactivate(scim, [user])
            clock.jump(seconds=50)
        clock.jump(hours=3)
        deactivate(scim, users[11:12])

        hear()

        assert alarmed() == [11]

    def test_each_connection_by_itself(self, clock: Clock, connect: Connect) -> None:
        okta, entra = connect("okta"), connect("entra")

        for scim in (okta, entra):
            leave(scim, staff(scim.connection, 30)[:10])

        assert alarmed() == []

    def test_a_connection_and_not_the_other_one(self, clock: Clock, connect: Connect) -> None:
        okta, entra = connect("okta"), connect("entra")
        staff(okta.connection, 100)

        leave(entra, staff(entra.connection, 11))

        [change] = MassChange.objects.all()
        assert change.actor == "scim:entra"

    def test_deletions_too(self, clock: Clock, scim: Provider) -> None:
        for user in staff(scim.connection, 11):
            assert scim("DELETE", f"/Users/{user.scim_id}").status == 204
        hear()

        assert alarmed() == [11]

    def test_nothing_that_people_do(self, clock: Clock, scim: Provider) -> None:
        for user in staff(scim.connection, 30):
            assert user.person
            operations.deactivate_person(user.person, actor=OWNER)
        hear()

        assert alarmed() == []

    def test_nobody_who_is_back(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 30)
        leave(scim, users[:8])
        for user in users[:8]:
            scim.patch(str(user.scim_id), BACK)

        leave(scim, users[8:16])

        assert alarmed() == []

    def test_a_burst_with_a_handful_of_looks(
        self, clock: Clock, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = Mock(side_effect=alarms.look)
        monkeypatch.setattr(alarms, "look", looks)
        for user in staff(scim.connection, 200):
            deactivate(scim, [user])
            clock.jump(seconds=0.5)

        hear()

        assert alarmed() == [200]
        assert looks.call_count <= 2


class TestGrows:
    """It adds …"""

    def test_whoever_goes_within_the_same_hour(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:11])
        clock.jump(minutes=59)

        leave(scim, users[11:13])

        assert alarmed() == [13]

    def test_nobody_who_goes_later(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:11])
        clock.jump(minutes=61)

        leave(scim, users[11:13])

        assert alarmed() == [11]

    def test_nobody_to_what_was_confirmed(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 60)
        leave(scim, users[:13])
        mass_changes.confirm(MassChange.objects.get(), actor=OWNER)

        leave(scim, users[13:23])
        assert alarmed() == [13]

        leave(scim, users[23:26])
        assert alarmed() == [13, 13]

    def test_whoever_goes_after_the_others_were_restored(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:12])
        restore(owner)
        clock.jump(minutes=5)

        leave(scim, users[12:14])

        [change] = MassChange.objects.all()
        assert change.is_undecided
        out = change.items.filter(fate=MassChangeItem.Fate.CHANGED)
        assert {item.person_id for item in out} == {user.person_id for user in users[12:14]}

    def test_whoever_is_put_out_once_more(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:12])
        restore(owner)
        for user in users[:2]:
            scim.patch(str(user.scim_id), BACK)

        leave(scim, users[:2])
        restore(owner)

        assert alarmed() == [12]
        assert not Person.objects.filter(state="inactive").exists()


def restore(owner: Person) -> str:
    """Click on “Restore all of them”, and confirm."""
    client = signed_in(owner)
    change = MassChange.objects.get()
    page = client.get(f"/people/mass-changes/{change.pk}/undo/")
    form = {"kept": page.context["kept"]}
    answer = client.post(f"/people/mass-changes/{change.pk}/undo/", form, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


@pytest.fixture
def alarm(clock: Clock, scim: Provider) -> MassChange:
    """Raise an alarm about 12 of 20 people."""
    leave(scim, staff(scim.connection, 20)[:12])
    change: MassChange = MassChange.objects.get()
    return change


class TestTells:
    """It tells …"""

    def test_each_administrator_once_by_mail(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        make.administrator(email="alan@example.com")
        make.person()
        users = staff(scim.connection, 50)

        leave(scim, users[:20])
        leave(scim, users[20:40])

        mails = Mail.objects.filter(kind=Mail.Kind.MASS_CHANGE)
        assert sorted(mails.values_list("to", flat=True)) == [
            "alan@example.com",
            "owner@example.com",
        ]
        change = MassChange.objects.get()
        assert {mail.facts["path"] for mail in mails} == {f"/people/mass-changes/{change.pk}/"}

    def test_every_page_of_administrators(
        self, alarm: MassChange, owner: Person, client: Client
    ) -> None:
        said = "Okta deactivated 12 people within an hour."
        client.force_login(owner)

        for page in ("/people/", "/integrations/", f"/people/{owner.pk}/", "/people/roles/"):
            assert said in text_of(client.get(page)), page

    def test_nobody_any_more_who_has_decided(self, alarm: MassChange, owner: Person) -> None:
        client = signed_in(owner)
        client.post(f"/people/mass-changes/{alarm.pk}/confirm/")

        assert "within an hour" not in text_of(client.get("/people/"))

    def test_nobody_of_another_company(self, alarm: MassChange) -> None:
        with make.in_another_tenant():
            client = signed_in(make.owner())

            assert "within an hour" not in text_of(client.get("/people/"))
            assert client.get(f"/people/mass-changes/{alarm.pk}/").status_code == 404
            assert client.get(f"/people/mass-changes/{alarm.pk}/undo/").status_code == 404
            assert client.post(f"/people/mass-changes/{alarm.pk}/confirm/").status_code == 404

    def test_no_employee(self, alarm: MassChange) -> None:
        client = signed_in(make.person())

        assert "within an hour" not in text_of(client.get("/home/"))
        assert client.get(f"/people/mass-changes/{alarm.pk}/").status_code == 302
        assert client.post(f"/people/mass-changes/{alarm.pk}/confirm/").status_code == 302
        alarm.refresh_from_db()
        assert alarm.is_undecided

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
        address = f"/people/mass-changes/{MassChange.objects.get().pk}/"
        pages = (address, f"{address}undo/", "/people/mass-changes/")
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

        assert alarmed() == [12]
        assert not Person.objects.filter(state="terminated").exists()

    def test_nobody_once_it_was_confirmed(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        hear()
        change = MassChange.objects.get()
        answer = signed_in(owner).post(f"/people/mass-changes/{change.pk}/confirm/", follow=True)
        assert "Confirmed by <bdi>Olga Owner</bdi>" in text_of(answer)

        self.run_due(clock)

        assert Person.objects.filter(state="terminated").count() == 12

    def test_whoever_is_about_to_be_restored(
        self, clock: Clock, due: list[ScimUser], owner: Person
    ) -> None:
        hear()
        change = MassChange.objects.get()
        mass_changes.ask_undo(
            change,
            kept=mass_changes.fingerprint(mass_changes.changed_since(change)),
            actor=owner.actor,
        )

        clock.jump(days=60)
        assert terminate_due(as_of=clock.now) == 0


class TestThresholds:
    """Its thresholds …"""

    @staticmethod
    def set(owner: Person, people: object, percent: object) -> str:
        form = {"people": people, "percent": percent}
        client = signed_in(owner)
        return text_of(client.post("/people/mass-changes/guard/", form, follow=True))

    def test_are_set_by_administrators(self, owner: Person, tenant: Tenant) -> None:
        assert "has its new thresholds" in self.set(owner, 3, 50)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (3, 50)
        assert "more than 3 people and more than 50 %" in text_of(
            signed_in(owner).get("/people/mass-changes/")
        )

    @pytest.mark.parametrize(
        ("people", "percent"),
        [(0, 20), (-1, 20), (10, 0), (10, 101), ("", 20), (10, "x"), (32_768, 20), (1.5, 20)],
    )
    def test_are_numbers_that_can_be(
        self, owner: Person, tenant: Tenant, people: object, percent: object
    ) -> None:
        assert "has its new thresholds" not in self.set(owner, people, percent)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)

    def test_are_nobody_elses_to_set(self, tenant: Tenant) -> None:
        self.set(make.person(), 3, 50)

        tenant.refresh_from_db()
        assert (tenant.alarm_people, tenant.alarm_percent) == (10, 20)
