"""What an administrator changes of a field that the provider owns …"""

import itertools
import json
import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg.pq import TransactionStatus

from people import events
from people.models import CustomField, Event, Location, Person
from people.operations import people, people_update
from people.values import Actor
from scim.jobs import overridden_fields
from scim.models import SyncError
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, RAMP, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")


def person(who: str = "ada") -> Person:
    found: Person = Person.objects.get(email_key=f"{who}@example.com")
    return found


def edit(who: str = "ada", **changes: Any) -> str:
    """Have an administrator change the person on their page; return what it answers."""
    edited = person(who)
    form = {
        "given_name": edited.given_name,
        "family_name": edited.family_name,
        "email": edited.email,
        "department": edited.department_id or "",
        "location": edited.location_id or "",
        "manager": edited.manager_id or "",
        "role": edited.role,
        "seen": edited.changed_at.isoformat(),
    }
    administrator = Person.objects.filter(email_key=HELPDESK.name).first()
    client = signed_in(administrator or core.administrator(email=HELPDESK.name))
    return text_of(client.post(f"/people/{edited.pk}/edit/", form | changes, follow=True))


def run_due() -> int:
    """Run everything that is due; return for how many people the cycle did something."""
    said = StringIO()
    call_command("run_due", stdout=said)
    return int(json.loads(said.getvalue())["done"]["scim.tasks.look_again"])


def move_london_to_america(scim: Provider) -> None:
    """Change Ada, who is in London, so that her location cannot be restored."""
    scim.add()
    edit(location=core.location("Paris").pk, given_name="Augusta")
    dollars = core.entity("Ramp Inc.", currency="USD")
    Location.objects.filter(name="London").update(entity=dollars)


def move_london_back() -> None:
    euros = Location.objects.get(name="Paris").entity
    Location.objects.filter(name="London").update(entity=euros)


def put_back(who: str = "ada") -> list[Event]:
    return list(person(who).events.filter(kind=Event.Kind.MANAGED_FIELDS_RESTORED))


def test_is_warned_about_with_the_owner_and_when_it_is_undone(scim: Provider) -> None:
    scim.add()

    page = edit(given_name="Augusta")

    assert "Okta manages first name. This change will be overwritten within 5 minutes." in page
    assert "Okta owns last name" not in page
    form = text_of(signed_in(person("helpdesk")).get(f"/people/{person().pk}/edit/"))
    assert "Managed by Okta. A change made here is overwritten within 5 minutes." in form


def test_goes_back_to_what_the_provider_said(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta", department=core.department("Legal").pk)

    assert run_due() == 1

    assert (person().given_name, str(person().department)) == ("Ada", "Research")
    [event] = put_back()
    assert event.actor == "scim:okta"
    assert event.changes == {
        "given_name": {"from": "Augusta", "to": "Ada"},
        "department": {"from": "Legal", "to": "Research"},
    }


def test_is_told_in_the_timeline(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    run_due()

    page = text_of(signed_in(person("helpdesk")).get(f"/people/{person().pk}/"))

    assert "first name from Augusta to Ada" in page


def test_is_put_back_once(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")

    assert [run_due(), run_due()] == [1, 0]
    assert len(put_back()) == 1


def test_stays_where_the_provider_says_nothing(connect: Connect) -> None:
    connect("generic").add()
    boss = core.person()

    edit(manager=boss.pk)

    assert run_due() == 0
    assert person().manager == boss


def test_takes_the_unowned_fields_along_with_nothing(scim: Provider) -> None:
    scim.add()
    boss = core.person()
    edit(given_name="Augusta", manager=boss.pk, role="BUSINESS_BOOKKEEPER")

    run_due()

    [event] = put_back()
    assert event.changes.keys() == {"given_name"}
    assert (person().manager, person().role) == (boss, "BUSINESS_BOOKKEEPER")


def test_goes_back_to_the_manager_who_was_said(scim: Provider) -> None:
    scim.add("bob")
    scim.add("ada", **managed_by("bob@example.com"))
    edit(manager=core.person().pk)

    run_due()

    assert person().manager == person("bob")


def test_goes_back_to_no_manager_when_the_provider_took_theirs_away(scim: Provider) -> None:
    scim.add("bob")
    ada = scim.add("ada", **managed_by("bob@example.com"))
    scim.replace(ada, f"{ENT}:manager", "")
    edit(manager=core.person().pk)

    run_due()

    assert person().manager is None


def test_goes_back_to_the_role_that_was_said(scim: Provider) -> None:
    scim.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
    edit(role="BUSINESS_ADMIN")

    run_due()

    assert (person().role, person().role_source) == ("BUSINESS_BOOKKEEPER", "scim:okta")


def test_keeps_a_role_where_administrators_give_them(connect: Connect) -> None:
    okta = connect(role_source="ramp")
    okta.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
    edit(role="BUSINESS_ADMIN", given_name="Augusta")

    run_due()

    assert (person().role, person().given_name) == ("BUSINESS_ADMIN", "Ada")


def test_goes_back_to_the_address_that_was_said(scim: Provider) -> None:
    scim.add()
    ada = person()
    edit(email="augusta@example.com")

    run_due()

    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_leaves_an_address_waiting_that_its_owner_has_not_confirmed(scim: Provider) -> None:
    ada = scim.add()
    people.activate_person(person(), actor=HELPDESK)
    scim.replace(ada, 'emails[type eq "work"].value', "countess@example.com")
    edit(given_name="Augusta")

    run_due()

    assert (person().given_name, person().pending_email) == ("Ada", "countess@example.com")


def test_asks_nobody_to_confirm_an_address_that_the_provider_does_not_know(
    scim: Provider,
) -> None:
    scim.add()
    people.activate_person(person(), actor=HELPDESK)
    edit(email="augusta@example.com")
    assert person().pending_email == "augusta@example.com"

    run_due()

    assert (person().email, person().pending_email) == ("ada@example.com", "")


def test_goes_back_in_a_custom_field_that_is_mapped(scim: Provider) -> None:
    for name in ("cost_center", "shoe_size"):
        CustomField.objects.create(
            tenant_id=scim.connection.tenant_id, name=name, external_name=name
        )
    scim.add(**{RAMP: {"location": "London", "costCenter": "C-1"}})
    values = {"cost_center": "C-2", "shoe_size": "38"}
    people_update.revise_person(person(), person().profile, actor=HELPDESK, custom_values=values)

    run_due()

    assert person().custom_values == {"cost_center": "C-1", "shoe_size": "38"}


def test_stays_managed_since_the_day_it_was(scim: Provider) -> None:
    scim.add()
    marks = person().managed_fields
    edit(given_name="Augusta")

    run_due()

    assert person().managed_fields == marks


def test_stays_out_who_was_deactivated_by_hand(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    people.deactivate_person(person(), actor=HELPDESK)

    run_due()

    assert (person().state, person().given_name) == ("inactive", "Ada")


@pytest.mark.parametrize("column", ["disconnected_at", "activated_at"])
def test_stays_where_the_connection_is_not_live(scim: Provider, column: str) -> None:
    scim.add()
    edit(given_name="Augusta")
    setattr(scim.connection, column, timezone.now() if column == "disconnected_at" else None)
    scim.connection.save()

    assert run_due() == 0
    assert person().given_name == "Augusta"


def test_stays_where_the_connection_ended_while_the_cycle_ran(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    overruled = overridden_fields.overridden_users()
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    assert overridden_fields.restore_overridden_fields(overruled) == 0
    assert person().given_name == "Augusta"


class TestAfterAWriteOfTheProvider:
    """What the provider's write does not say again is still put back …"""

    def test_when_the_manager_arrives_in_between(self, scim: Provider) -> None:
        scim.add("ada", **managed_by("bob@example.com"))
        edit(department=core.department("Legal").pk)
        scim.add("bob")

        events.dispatch_all(as_of=timezone.now())
        assert (person().manager, str(person().department)) == (person("bob"), "Legal")
        run_due()

        assert str(person().department) == "Research"

    def test_when_the_manager_was_changed_and_the_push_repeats_theirs(self, scim: Provider) -> None:
        scim.add("bob")
        ada = scim.add("ada", **managed_by("bob@example.com"))
        edit(manager=core.person().pk)

        scim.replace(ada, "name.familyName", "King")
        assert person().manually_overridden_fields.keys() == {"manager"}
        run_due()

        assert person().manager == person("bob")
        assert person().manually_overridden_fields == {}

    def test_when_the_provider_gives_no_role(self, scim: Provider) -> None:
        ada = scim.add("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        edit(role="BUSINESS_USER", given_name="Augusta")

        scim.replace(ada, "name.familyName", "King")

        assert person().manually_overridden_at is None
        assert (person().role, person().given_name) == ("BUSINESS_BOOKKEEPER", "Ada")

    def test_as_long_as_the_manager_cannot_be_found(self, scim: Provider) -> None:
        scim.add("bob")
        ada = scim.add("ada", **managed_by("bob@example.com"))
        other = core.person()
        edit(manager=other.pk)
        scim("PUT", f"/Users/{ada}", someone("ada", **managed_by("new@example.com")))

        run_due()
        assert (person().manager, [*person().manually_overridden_fields]) == (other, ["manager"])
        scim.add("new")
        run_due()

        assert person().manager == person("new")
        assert person().manually_overridden_at is None


class TestRefused:
    """What cannot be put back …"""

    @pytest.fixture(autouse=True)
    def _london_went_to_america(self, scim: Provider) -> None:
        move_london_to_america(scim)

    def test_is_listed_with_the_reason(self) -> None:
        assert run_due() == 0

        error = SyncError.objects.get()
        assert error.reason == "invalid-location-change"
        assert (error.person, error.offending_value) == (person(), "London")
        assert (str(person().location), person().given_name) == ("Paris", "Augusta")

    def test_is_not_listed_anew_by_each_cycle(self) -> None:
        run_due()
        listed = SyncError.objects.get()

        run_due()

        assert SyncError.objects.get().happened_at == listed.happened_at

    def test_stays_dismissed(self) -> None:
        run_due()
        SyncError.objects.update(dismissed_at=timezone.now(), dismissed_reason="Known")

        run_due()

        assert not SyncError.objects.open().exists()

    def test_stays_dismissed_when_somebody_changes_another_field(self) -> None:
        run_due()
        SyncError.objects.update(dismissed_at=timezone.now(), dismissed_reason="Known")
        edit(given_name="Adelaide")

        run_due()

        assert not SyncError.objects.open().exists()

    def test_is_put_back_as_soon_as_it_can_be(self) -> None:
        run_due()
        move_london_back()

        assert run_due() == 1

        assert (str(person().location), person().given_name) == ("London", "Ada")
        assert not SyncError.objects.open().exists()

    def test_holds_up_nobody_else(self, scim: Provider) -> None:
        scim.add("grace", emails=[mail("grace@example.com")], **{RAMP: {"location": "Rome"}})
        edit("grace", given_name="Amazing")

        assert run_due() == 1
        assert person("grace").given_name == "Grace"


def test_costs_the_same_whoever_else_is_there(scim: Provider) -> None:
    scim.add()
    before = queries()
    for number in range(10):
        scim.add(f"person-{number}")

    assert queries() == before


def queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        overridden_fields.restore_overridden_fields(overridden_fields.overridden_users())
    return len(captured)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_is_not_listed_by_a_cycle_that_failed_before_another_restored_it(
    scim: Provider, racers: Racers
) -> None:
    """One cycle cannot restore the location; before it records that, another cycle can."""
    move_london_to_america(scim)
    overridden = overridden_fields.overridden_users()
    has_failed, is_restored = threading.Event(), threading.Event()
    transactions = itertools.count(1)

    def pause_before_recording(execute: Callable[..., Any], *statement: Any) -> Any:
        # The first transaction of the cycle restores, the second one records that it failed.
        is_first = connection.connection.info.transaction_status == TransactionStatus.IDLE
        if is_first and next(transactions) == 2:
            has_failed.set()
            assert is_restored.wait(30)
        return execute(*statement)

    def fail() -> None:
        with connection.execute_wrapper(pause_before_recording):
            assert overridden_fields.restore_overridden_fields(overridden) == 0

    def restore() -> None:
        assert has_failed.wait(30)
        move_london_back()
        assert (
            overridden_fields.restore_overridden_fields(overridden_fields.overridden_users()) == 1
        )
        is_restored.set()

    racers(fail, restore)

    assert str(person().location) == "London"
    assert not SyncError.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_is_put_back_once_by_two_cycles(scim: Provider, racers: Racers) -> None:
    scim.add()
    for _ in range(8):
        edit(given_name="Augusta")

        results = racers(
            *[
                lambda: overridden_fields.restore_overridden_fields(
                    overridden_fields.overridden_users()
                )
            ]
            * 2
        )

        assert sum(results) == 1
    assert len(put_back()) == 8


class TestAFieldThatTheProviderLeavesOpen:
    def test_is_not_its_own_though_a_default_fills_it(self, connect: Connect) -> None:
        rippling = connect(
            "rippling",
            incomplete_policy="fill",
            default_department="General",
            default_location="Rome",
        )

        rippling.add("ada", **{ENT: {}, RAMP: {}, "addresses": None})

        assert (str(person().department), str(person().location)) == ("General", "Rome")
        assert not person().managed_fields.keys() & {"department", "location"}

    def test_is_its_own_no_longer(self, scim: Provider) -> None:
        ada = scim.add("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        assert "role" in person().managed_fields

        scim.patch(
            ada, {"op": "remove", "path": "roles"}, {"op": "replace", "path": "title", "value": "x"}
        )

        assert "role" not in person().managed_fields
        assert person().role == "BUSINESS_BOOKKEEPER"
