"""Guests and their last day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from people.models import Event, Person
from people.operations import people
from people.operations.guest_days import default_last_day
from people.operations.guests import InvalidLastDay, NotGuest, deactivate_due, set_last_day
from people.values import Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.factories import core

HELPDESK = Actor("person", "helpdesk@example.com")
MARCH = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEPTEMBER = datetime(2026, 9, 2, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MARCH, tick=False) as traveller:
        yield traveller


@pytest.fixture
def guest(clock: object, owner: Person) -> Person:
    profile = Profile(given_name="Gus", family_name="Guest", email="gus@x.test", role="GUEST_USER")
    return people.add_person(profile, actor=HELPDESK)


def state(guest: Person) -> str:
    guest.refresh_from_db()
    return guest.state


@pytest.mark.parametrize(
    ("added", "ends"),
    [
        ("2026-03-02", "2026-09-02"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2026-12-31", "2027-06-30"),
        ("2026-06-15", "2026-12-15"),
        ("2026-07-01", "2027-01-01"),
    ],
)
def test_default_last_day_is_six_months_later(added: str, ends: str) -> None:
    assert default_last_day(datetime.fromisoformat(added)) == datetime.fromisoformat(ends)


def test_new_guest_has_a_last_day(guest: Person, owner: Person) -> None:
    guest.refresh_from_db()
    assert guest.deactivates_at == SEPTEMBER
    page = text_of(signed_in(owner).get(f"/people/{guest.pk}/"))
    assert "A guest until 2 September 2026, 09:00 UTC." in page


def test_employee_has_no_last_day(guest: Person, owner: Person) -> None:
    profile = Profile(given_name="Ada", family_name="Lovelace", email="ada@x.test")
    ada = people.add_person(profile, actor=HELPDESK)

    assert ada.deactivates_at is None
    assert signed_in(owner).get(f"/people/{ada.pk}/guest/").status_code == 404


def test_guest_is_deactivated_on_the_last_day_and_not_before(
    guest: Person, clock: time_machine.Traveller, owner: Person
) -> None:
    clock.move_to(SEPTEMBER - timedelta(seconds=1))
    call_command("run_due")
    assert state(guest) == "invited"

    clock.move_to(SEPTEMBER)
    call_command("run_due")

    assert state(guest) == "inactive"
    assert guest.deactivated_by == "job:guests"
    event = Event.objects.get(kind="person.deactivated")
    assert event.facts["reason"] == "Their last day as a guest has passed."
    page = text_of(signed_in(owner).get(f"/people/{guest.pk}/"))
    assert "Ramp deactivated Gus Guest" in page


def test_guest_is_deactivated_once(guest: Person) -> None:
    assert deactivate_due(as_of=SEPTEMBER) == 1
    assert deactivate_due(as_of=SEPTEMBER) == 0


def test_reactivation_after_the_last_day_sets_a_new_one(
    guest: Person, clock: time_machine.Traveller
) -> None:
    clock.move_to(SEPTEMBER)
    deactivate_due(as_of=SEPTEMBER)

    people.reactivate_person(guest, actor=HELPDESK)

    assert deactivate_due(as_of=SEPTEMBER + timedelta(days=100)) == 0
    assert state(guest) == "invited"
    assert guest.deactivates_at == datetime(2027, 3, 2, 9, tzinfo=UTC)


def test_reactivation_before_the_last_day_keeps_it(guest: Person) -> None:
    people.deactivate_person(guest, actor=HELPDESK)
    people.reactivate_person(guest, actor=HELPDESK)

    guest.refresh_from_db()
    assert guest.deactivates_at == SEPTEMBER


class TestLastDay:
    @pytest.fixture
    def client(self, guest: Person, owner: Person) -> Client:
        return signed_in(owner)

    def test_can_be_moved_on_the_guest_page(self, guest: Person, client: Client) -> None:
        page = text_of(client.get(f"/people/{guest.pk}/guest/"))
        assert 'min="2026-03-03"' in page

        form = {"day": "2026-03-03"}
        answer = text_of(client.post(f"/people/{guest.pk}/guest/", form, follow=True))

        assert "Gus Guest will be deactivated on 3 March 2026." in answer
        assert "from 2 September 2026, 09:00 UTC to 3 March 2026, 00:00 UTC" in answer
        assert deactivate_due(as_of=datetime(2026, 3, 2, 23, 59, tzinfo=UTC)) == 0
        assert deactivate_due(as_of=datetime(2026, 3, 3, tzinfo=UTC)) == 1

    def test_can_be_removed_on_the_guest_page(self, guest: Person, client: Client) -> None:
        answer = client.post(f"/people/{guest.pk}/guest/", {"remove": "yes"}, follow=True)

        assert "A guest without a last day." in text_of(answer)
        assert deactivate_due(as_of=SEPTEMBER + timedelta(days=1000)) == 0

    @pytest.mark.parametrize("day", ["2026-03-02", "2020-01-01", "", "soon", "2026-02-30"])
    def test_must_be_a_future_day(self, guest: Person, client: Client, day: str) -> None:
        answer = client.post(f"/people/{guest.pk}/guest/", {"day": day})

        assert answer.status_code == 200
        guest.refresh_from_db()
        assert guest.deactivates_at == SEPTEMBER

    def test_can_be_set_only_by_administrators_of_the_company(self, guest: Person) -> None:
        for stranger in (Client(), signed_in(core.person())):
            assert stranger.post(f"/people/{guest.pk}/guest/", {"remove": "y"}).status_code == 302
        with core.in_another_tenant():
            foreign = signed_in(core.owner())
            assert foreign.post(f"/people/{guest.pk}/guest/", {"remove": "y"}).status_code == 404

        guest.refresh_from_db()
        assert guest.deactivates_at == SEPTEMBER

    def test_in_the_past_is_refused(self, guest: Person) -> None:
        with pytest.raises(InvalidLastDay):
            set_last_day(guest, MARCH, actor=HELPDESK)

    def test_is_refused_for_employees(self, guest: Person) -> None:
        with pytest.raises(NotGuest):
            set_last_day(core.person(), SEPTEMBER, actor=HELPDESK)

    def test_can_be_filtered_in_the_people_list(self, guest: Person, client: Client) -> None:
        core.person(given_name="Employee")

        page = text_of(client.get("/people/?guest=ending"))

        assert "Gus Guest" in page
        assert "Employee" not in page
        assert "Gus Guest" not in text_of(client.get("/people/?guest=staying"))
