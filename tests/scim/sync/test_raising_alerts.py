"""The check that raises alerts about bulk deactivations by a connection."""

from collections.abc import Iterator
from unittest.mock import Mock

import pytest
import time_machine

from people.models import BulkChange, BulkChangeItem, Person
from people.operations import people
from people.operations.bulk import alerts, undo
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.factories.companies import deactivate, staff
from tests.scim.conftest import Connect
from tests.support.scim_bulk import MONDAY, OWNER, Clock, alerted, hear, leave

pytestmark = pytest.mark.django_db

BACK = {"op": "replace", "path": "active", "value": True}


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Clock(traveller)


class TestAlertIsRaised:
    @pytest.mark.parametrize(
        ("owned", "leaving", "is_alert"),
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
    def test_for_more_than_ten_people_and_a_fifth_of_those_managed(
        self, clock: Clock, scim: Provider, owned: int, leaving: int, is_alert: bool
    ) -> None:
        users = staff(scim.connection, owned)

        leave(scim, users[:leaving])

        assert alerted() == ([leaving] if is_alert else [])
        for change in BulkChange.objects.all():
            assert (change.actor, change.kind) == ("scim:okta", "deactivated")
            assert change.is_undecided
            assert change.began_at == MONDAY

    def test_at_thresholds_set_by_administrators(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 8)
        tenant = scim.connection.tenant
        alerts.set_alert_thresholds(tenant, people=3, percent=50, minute_people=50, actor=OWNER)

        leave(scim, users[:4])
        assert alerted() == []

        leave(scim, users[4:5])
        assert alerted() == [5]

    @pytest.mark.parametrize(
        ("leaving", "seconds", "is_alert"),
        [(50, 1.2, False), (51, 1.2, True), (51, 1.21, False), (120, 0.5, True), (120, 1.5, False)],
    )
    def test_for_more_than_fifty_people_within_a_minute(
        self, clock: Clock, scim: Provider, leaving: int, seconds: float, is_alert: bool
    ) -> None:
        users = staff(scim.connection, 650)
        clock.jump(seconds=33)

        for user in users[:leaving]:
            deactivate(scim, [user])
            clock.jump(seconds=seconds)
        hear()

        assert alerted() == ([leaving] if is_alert else [])

    def test_at_minute_threshold_set_by_administrators(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 100)
        tenant = scim.connection.tenant
        alerts.set_alert_thresholds(tenant, people=10, percent=20, minute_people=5, actor=OWNER)

        leave(scim, users[:5])
        assert alerted() == []

        leave(scim, users[5:6])
        assert alerted() == [6]

    def test_for_deactivations_spread_over_an_hour(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)

        for user in users[:10]:
            leave(scim, [user])
            clock.jump(minutes=1)
        clock.jump(minutes=50, seconds=-1)
        leave(scim, users[10:11])

        assert alerted() == [11]

    def test_not_for_deactivations_spread_over_more_than_an_hour(
        self, clock: Clock, scim: Provider
    ) -> None:
        users = staff(scim.connection, 50)

        for user in users[:30]:
            leave(scim, [user])
            clock.jump(minutes=6, seconds=1)

        assert alerted() == []

    def test_for_an_hour_that_was_checked_three_hours_later(
        self, clock: Clock, scim: Provider
    ) -> None:
        users = staff(scim.connection, 50)
        for user in users[:11]:
            deactivate(scim, [user])
            clock.jump(seconds=50)
        clock.jump(hours=3)
        deactivate(scim, users[11:12])

        hear()

        assert alerted() == [11]

    def test_not_for_the_sum_of_two_connections(self, clock: Clock, connect: Connect) -> None:
        okta, entra = connect("okta"), connect("entra")

        for scim in (okta, entra):
            leave(scim, staff(scim.connection, 30)[:10])

        assert alerted() == []

    def test_only_for_the_connection_that_deactivated(self, clock: Clock, connect: Connect) -> None:
        okta, entra = connect("okta"), connect("entra")
        staff(okta.connection, 100)

        leave(entra, staff(entra.connection, 11))

        [change] = BulkChange.objects.all()
        assert change.actor == "scim:entra"

    def test_for_deletions(self, clock: Clock, scim: Provider) -> None:
        for user in staff(scim.connection, 11):
            assert scim("DELETE", f"/Users/{user.scim_id}").status == 204
        hear()

        assert alerted() == [11]

    def test_not_for_manual_deactivations(self, clock: Clock, scim: Provider) -> None:
        for user in staff(scim.connection, 30):
            assert user.person
            people.deactivate_person(user.person, actor=OWNER)
        hear()

        assert alerted() == []

    def test_not_for_people_reactivated_meanwhile(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 30)
        leave(scim, users[:8])
        for user in users[:8]:
            scim.patch(str(user.scim_id), BACK)

        leave(scim, users[8:16])

        assert alerted() == []

    def test_for_a_burst_with_at_most_two_checks(
        self, clock: Clock, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = Mock(side_effect=alerts.check_connection)
        monkeypatch.setattr(alerts, "check_connection", looks)
        for user in staff(scim.connection, 200):
            deactivate(scim, [user])
            clock.jump(seconds=0.5)

        hear()

        assert alerted() == [200]
        assert looks.call_count <= 2


class TestAlertIsExtended:
    def test_by_deactivations_within_the_same_hour(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:11])
        clock.jump(minutes=59)

        leave(scim, users[11:13])

        assert alerted() == [13]

    def test_not_by_deactivations_more_than_an_hour_later(
        self, clock: Clock, scim: Provider
    ) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:11])
        clock.jump(minutes=61)

        leave(scim, users[11:13])

        assert alerted() == [11]

    def test_not_after_confirmation(self, clock: Clock, scim: Provider) -> None:
        users = staff(scim.connection, 60)
        leave(scim, users[:13])
        undo.confirm(BulkChange.objects.get(), actor=OWNER)

        leave(scim, users[13:23])
        assert alerted() == [13]

        leave(scim, users[23:26])
        assert alerted() == [13, 13]

    def test_by_deactivations_after_people_were_restored(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:12])
        restore(owner)
        clock.jump(minutes=5)

        leave(scim, users[12:14])

        [change] = BulkChange.objects.all()
        assert change.is_undecided
        out = change.items.filter(outcome=BulkChangeItem.Outcome.CHANGED)
        assert {item.person_id for item in out} == {user.person_id for user in users[12:14]}

    def test_by_restored_people_deactivated_again(
        self, clock: Clock, scim: Provider, owner: Person
    ) -> None:
        users = staff(scim.connection, 50)
        leave(scim, users[:12])
        restore(owner)
        for user in users[:2]:
            scim.patch(str(user.scim_id), BACK)

        leave(scim, users[:2])
        restore(owner)

        assert alerted() == [12]
        assert not Person.objects.filter(state="inactive").exists()


def restore(owner: Person) -> str:
    """Click on “Restore all”, and confirm."""
    client = signed_in(owner)
    change = BulkChange.objects.get()
    page = client.get(f"/people/bulk-changes/{change.pk}/undo/")
    form = {"kept": page.context["kept"]}
    answer = client.post(f"/people/bulk-changes/{change.pk}/undo/", form, follow=True)
    assert answer.status_code == 200
    return text_of(answer)
