"""Restoring managed fields that an administrator has changed."""

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
    """Edit the person as an administrator, and return the resulting page."""
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
    """Run all due jobs, and return the number of people changed by the sync cycle."""
    output = StringIO()
    call_command("run_due", stdout=output)
    return int(json.loads(output.getvalue())["done"]["scim.tasks.look_again"])


def make_london_unavailable(scim: Provider) -> None:
    """Edit Ada, who is in London, and then make her location impossible to restore."""
    scim.add()
    edit(location=core.location("Paris").pk, given_name="Augusta")
    dollars = core.entity("Ramp Inc.", currency="USD")
    Location.objects.filter(name="London").update(entity=dollars)


def make_london_available() -> None:
    euros = Location.objects.get(name="Paris").entity
    Location.objects.filter(name="London").update(entity=euros)


def restorations_of(who: str = "ada") -> list[Event]:
    return list(person(who).events.filter(kind=Event.Kind.MANAGED_FIELDS_RESTORED))


def test_edit_page_warns_that_the_change_will_be_overwritten(scim: Provider) -> None:
    scim.add()

    page = edit(given_name="Augusta")

    assert "Okta manages first name. This change will be overwritten within 5 minutes." in page
    assert "Okta owns last name" not in page
    form = text_of(signed_in(person("helpdesk")).get(f"/people/{person().pk}/edit/"))
    assert "Managed by Okta. A change made here is overwritten within 5 minutes." in form


def test_edited_fields_are_restored_and_audited(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta", department=core.department("Legal").pk)

    assert run_due() == 1

    assert (person().given_name, str(person().department)) == ("Ada", "Research")
    [event] = restorations_of()
    assert event.actor == "scim:okta"
    assert event.changes == {
        "given_name": {"from": "Augusta", "to": "Ada"},
        "department": {"from": "Legal", "to": "Research"},
    }


def test_restoration_is_shown_on_the_person_page(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    run_due()

    page = text_of(signed_in(person("helpdesk")).get(f"/people/{person().pk}/"))

    assert "first name from Augusta to Ada" in page


def test_field_is_restored_once(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")

    assert [run_due(), run_due()] == [1, 0]
    assert len(restorations_of()) == 1


def test_manager_never_sent_by_the_provider_is_not_restored(connect: Connect) -> None:
    connect("generic").add()
    boss = core.person()

    edit(manager=boss.pk)

    assert run_due() == 0
    assert person().manager == boss


def test_unmanaged_fields_keep_their_manual_values(scim: Provider) -> None:
    scim.add()
    boss = core.person()
    edit(given_name="Augusta", manager=boss.pk, role="BUSINESS_BOOKKEEPER")

    run_due()

    [event] = restorations_of()
    assert event.changes.keys() == {"given_name"}
    assert (person().manager, person().role) == (boss, "BUSINESS_BOOKKEEPER")


def test_manager_is_restored(scim: Provider) -> None:
    scim.add("bob")
    scim.add("ada", **managed_by("bob@example.com"))
    edit(manager=core.person().pk)

    run_due()

    assert person().manager == person("bob")


def test_removed_manager_is_removed_again(scim: Provider) -> None:
    scim.add("bob")
    ada = scim.add("ada", **managed_by("bob@example.com"))
    scim.replace(ada, f"{ENT}:manager", "")
    edit(manager=core.person().pk)

    run_due()

    assert person().manager is None


def test_role_is_restored(scim: Provider) -> None:
    scim.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
    edit(role="BUSINESS_ADMIN")

    run_due()

    assert (person().role, person().role_source) == ("BUSINESS_BOOKKEEPER", "scim:okta")


def test_role_is_not_restored_if_ramp_assigns_roles(connect: Connect) -> None:
    okta = connect(role_source="ramp")
    okta.add(roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
    edit(role="BUSINESS_ADMIN", given_name="Augusta")

    run_due()

    assert (person().role, person().given_name) == ("BUSINESS_ADMIN", "Ada")


def test_email_is_restored(scim: Provider) -> None:
    scim.add()
    ada = person()
    edit(email="augusta@example.com")

    run_due()

    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_unconfirmed_new_email_of_the_provider_stays_pending(scim: Provider) -> None:
    ada = scim.add()
    people.activate_person(person(), actor=HELPDESK)
    scim.replace(ada, 'emails[type eq "work"].value', "countess@example.com")
    edit(given_name="Augusta")

    run_due()

    assert (person().given_name, person().pending_email) == ("Ada", "countess@example.com")


def test_unconfirmed_manual_email_is_canceled(
    scim: Provider,
) -> None:
    scim.add()
    people.activate_person(person(), actor=HELPDESK)
    edit(email="augusta@example.com")
    assert person().pending_email == "augusta@example.com"

    run_due()

    assert (person().email, person().pending_email) == ("ada@example.com", "")


def test_only_mapped_custom_fields_are_restored(scim: Provider) -> None:
    for name in ("cost_center", "shoe_size"):
        CustomField.objects.create(
            tenant_id=scim.connection.tenant_id, name=name, external_name=name
        )
    scim.add(**{RAMP: {"location": "London", "costCenter": "C-1"}})
    values = {"cost_center": "C-2", "shoe_size": "38"}
    people_update.revise_person(person(), person().profile, actor=HELPDESK, custom_values=values)

    run_due()

    assert person().custom_values == {"cost_center": "C-1", "shoe_size": "38"}


def test_date_of_management_does_not_change(scim: Provider) -> None:
    scim.add()
    marks = person().managed_fields
    edit(given_name="Augusta")

    run_due()

    assert person().managed_fields == marks


def test_manually_deactivated_person_stays_inactive(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    people.deactivate_person(person(), actor=HELPDESK)

    run_due()

    assert (person().state, person().given_name) == ("inactive", "Ada")


@pytest.mark.parametrize("column", ["disconnected_at", "activated_at"])
def test_nothing_is_restored_if_the_connection_is_not_live(scim: Provider, column: str) -> None:
    scim.add()
    edit(given_name="Augusta")
    setattr(scim.connection, column, timezone.now() if column == "disconnected_at" else None)
    scim.connection.save()

    assert run_due() == 0
    assert person().given_name == "Augusta"


def test_nothing_is_restored_if_the_connection_is_disconnected_meanwhile(scim: Provider) -> None:
    scim.add()
    edit(given_name="Augusta")
    overruled = overridden_fields.overridden_users()
    scim.connection.disconnected_at = timezone.now()
    scim.connection.save()

    assert overridden_fields.restore_overridden_fields(overruled) == 0
    assert person().given_name == "Augusta"


class TestAfterAnotherRequest:
    """A later request that does not change the edited field does not prevent its restoration."""

    def test_when_a_waiting_manager_is_assigned(self, scim: Provider) -> None:
        scim.add("ada", **managed_by("bob@example.com"))
        edit(department=core.department("Legal").pk)
        scim.add("bob")

        events.dispatch_all(as_of=timezone.now())
        assert (person().manager, str(person().department)) == (person("bob"), "Legal")
        run_due()

        assert str(person().department) == "Research"

    def test_when_the_request_repeats_the_manager(self, scim: Provider) -> None:
        scim.add("bob")
        ada = scim.add("ada", **managed_by("bob@example.com"))
        edit(manager=core.person().pk)

        scim.replace(ada, "name.familyName", "King")
        assert person().manually_overridden_fields.keys() == {"manager"}
        run_due()

        assert person().manager == person("bob")
        assert person().manually_overridden_fields == {}

    def test_when_the_request_contains_no_role(self, scim: Provider) -> None:
        ada = scim.add("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        edit(role="BUSINESS_USER", given_name="Augusta")

        scim.replace(ada, "name.familyName", "King")

        assert person().manually_overridden_at is None
        assert (person().role, person().given_name) == ("BUSINESS_BOOKKEEPER", "Ada")

    def test_when_the_manager_cannot_be_found_yet(self, scim: Provider) -> None:
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


class TestImpossibleRestoration:
    @pytest.fixture(autouse=True)
    def _london_is_unavailable(self, scim: Provider) -> None:
        make_london_unavailable(scim)

    def test_is_listed_as_sync_error(self) -> None:
        assert run_due() == 0

        error = SyncError.objects.get()
        assert error.reason == "invalid-location-change"
        assert (error.person, error.offending_value) == (person(), "London")
        assert (str(person().location), person().given_name) == ("Paris", "Augusta")

    def test_error_is_not_renewed_by_the_next_cycle(self) -> None:
        run_due()
        listed = SyncError.objects.get()

        run_due()

        assert SyncError.objects.get().happened_at == listed.happened_at

    def test_dismissed_error_stays_dismissed(self) -> None:
        run_due()
        SyncError.objects.update(dismissed_at=timezone.now(), dismissed_reason="Known")

        run_due()

        assert not SyncError.objects.open().exists()

    def test_dismissed_error_stays_dismissed_after_another_edit(self) -> None:
        run_due()
        SyncError.objects.update(dismissed_at=timezone.now(), dismissed_reason="Known")
        edit(given_name="Adelaide")

        run_due()

        assert not SyncError.objects.open().exists()

    def test_fields_are_restored_when_restoration_becomes_possible(self) -> None:
        run_due()
        make_london_available()

        assert run_due() == 1

        assert (str(person().location), person().given_name) == ("London", "Ada")
        assert not SyncError.objects.open().exists()

    def test_other_people_are_restored(self, scim: Provider) -> None:
        scim.add("grace", emails=[mail("grace@example.com")], **{RAMP: {"location": "Rome"}})
        edit("grace", given_name="Amazing")

        assert run_due() == 1
        assert person("grace").given_name == "Grace"


def test_query_count_does_not_grow_with_other_people(scim: Provider) -> None:
    scim.add()
    before = count_queries()
    for number in range(10):
        scim.add(f"person-{number}")

    assert count_queries() == before


def count_queries() -> int:
    with CaptureQueriesContext(connection) as captured:
        overridden_fields.restore_overridden_fields(overridden_fields.overridden_users())
    return len(captured)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_failed_cycle_lists_no_error_after_another_cycle_succeeded(
    scim: Provider, racers: Racers
) -> None:
    """One cycle cannot restore the location; before it records that, another cycle can."""
    make_london_unavailable(scim)
    overridden = overridden_fields.overridden_users()
    has_failed, is_restored = threading.Event(), threading.Event()
    transactions = itertools.count(1)

    def pause_before_recording(execute: Callable[..., Any], *statement: Any) -> Any:
        # The first transaction of the cycle restores; the second one records the failure.
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
        make_london_available()
        assert (
            overridden_fields.restore_overridden_fields(overridden_fields.overridden_users()) == 1
        )
        is_restored.set()

    racers(fail, restore)

    assert str(person().location) == "London"
    assert not SyncError.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_two_simultaneous_cycles_restore_once(scim: Provider, racers: Racers) -> None:
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
    assert len(restorations_of()) == 8


class TestUnmanagedField:
    def test_field_with_a_default_value_is_not_managed(self, connect: Connect) -> None:
        rippling = connect(
            "rippling",
            incomplete_policy="fill",
            default_department="General",
            default_location="Rome",
        )

        rippling.add("ada", **{ENT: {}, RAMP: {}, "addresses": None})

        assert (str(person().department), str(person().location)) == ("General", "Rome")
        assert not person().managed_fields.keys() & {"department", "location"}

    def test_field_removed_by_the_provider_is_no_longer_managed(self, scim: Provider) -> None:
        ada = scim.add("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_BOOKKEEPER"}])
        assert "role" in person().managed_fields

        scim.patch(
            ada, {"op": "remove", "path": "roles"}, {"op": "replace", "path": "title", "value": "x"}
        )

        assert "role" not in person().managed_fields
        assert person().role == "BUSINESS_BOOKKEEPER"
