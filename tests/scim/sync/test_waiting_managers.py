"""Managers that are named before they exist in Ramp."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import events, tenancy
from people.models import Person
from people.operations import people
from people.values import Actor, Profile
from scim.jobs import waiting_managers
from scim.models import FormerName, ScimUser, SyncError
from scim.sync import managers
from tests.clients.scim import ENT, Provider, mail, managed_by, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.scim.conftest import Connect
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

MESSAGE = "Manager's email is not associated with an eligible profile in Ramp"


def ada() -> Person:
    ada: Person = Person.objects.get(email="ada@example.com")
    return ada


def open_error() -> SyncError:
    row: SyncError = SyncError.objects.open().get()
    return row


def test_unknown_manager_is_refused_if_connection_rejects_them(connect: Connect) -> None:
    okta = connect(unknown_manager="reject")

    answer = okta("POST", "/Users", someone("ada", **managed_by("bob@example.com")))

    assert (answer.status, answer.detail) == (400, MESSAGE)
    assert not ScimUser.objects.exists()
    assert open_error().offending_value == "bob@example.com"


def test_unknown_manager_is_listed_and_holds_the_invite(scim: Provider) -> None:
    answer = scim("POST", "/Users", someone("ada", **managed_by("bob@example.com")))

    assert answer.status == 201
    assert answer.body[ENT]["manager"] == {"value": "bob@example.com"}
    assert ada().manager is None
    assert ada().invites.get().hold_reason == "Waiting for the manager to arrive"
    row = open_error()
    assert (row.reason, row.message) == ("invalid-manager", MESSAGE)
    assert (row.person, row.offending_value) == (ada(), "bob@example.com")
    assert str(row.request_id) == answer.request_id


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        ("bob@example.com", {}),
        ("BOB@example.com", {}),
        ("bob", {"userName": "Bob"}),
        ("X-7", {"externalId": "X-7"}),
        ("boss@example.com", {"emails": [mail("Boss@example.com")]}),
    ],
    ids=["user name", "another case", "plain user name", "externalId", "email"],
)
def test_manager_is_assigned_when_created_with_a_matching_identifier(
    scim: Provider, reference: str, values: dict[str, Any]
) -> None:
    scim_id = scim.add("ada", **managed_by(reference))
    boss = scim.add("bob", **values)

    events.dispatch_all(as_of=timezone.now())

    manager = ada().manager
    assert manager
    assert manager.given_name == "Bob"
    assert ada().invites.get().hold_reason == ""
    assert not SyncError.objects.open().exists()
    result = scim.read(scim_id)[ENT]["manager"]
    assert (result["value"], result["$ref"][-36:]) == (reference, boss)


def test_manager_is_assigned_when_an_administrator_adds_the_person(scim: Provider) -> None:
    scim.add("ada", **managed_by("bob@example.com"))
    people.add_person(
        Profile(given_name="Bob", family_name="Boss", email="bob@example.com"),
        actor=Actor("person", "helpdesk@example.com"),
    )

    events.dispatch_all(as_of=timezone.now())

    assert ada().manager == Person.objects.get(email="bob@example.com")


def test_manager_is_assigned_by_next_sync_cycle_without_an_event(scim: Provider) -> None:
    scim.add("ada", **managed_by("bob@example.com"))
    bob = core.person(email="bob@example.com")

    call_command("run_due")

    assert ada().manager == bob
    assert not SyncError.objects.open().exists()


def test_chain_of_waiting_managers_is_resolved(scim: Provider) -> None:
    scim.add("ada", **managed_by("bob@example.com"))
    scim.add("bob", **managed_by("cy@example.com"))
    scim.add("cy")

    call_command("run_due")

    chain = Person.objects.filter(email__in=["ada@example.com", "bob@example.com"])
    bosses = chain.order_by("email").values_list("manager__given_name", flat=True)
    assert list(bosses) == ["Bob", "Cy"]
    assert not SyncError.objects.open().exists()


def test_error_stays_open_if_the_manager_would_close_a_circle(scim: Provider) -> None:
    scim.add("ada", **managed_by("bob@example.com"))
    scim.add("bob", **managed_by("ada@example.com"))

    call_command("run_due")

    assert ada().manager is None
    assert open_error().user_name == "ada@example.com"


def test_error_is_resolved_when_provider_names_another_manager(scim: Provider) -> None:
    scim_id = scim.add("ada", **managed_by("bob@example.com"))
    scim.add("cy")

    scim("PUT", f"/Users/{scim_id}", someone("ada", **managed_by("cy@example.com")))
    scim.add("bob")
    call_command("run_due")

    manager = ada().manager
    assert manager
    assert manager.given_name == "Cy"
    assert ada().invites.get().hold_reason == ""
    assert not SyncError.objects.open().exists()


def test_previous_manager_stays_until_the_new_one_exists(scim: Provider) -> None:
    scim.add("cy")
    scim_id = scim.add("ada", **managed_by("cy@example.com"))

    scim("PUT", f"/Users/{scim_id}", someone("ada", **managed_by("bob@example.com")))

    manager = ada().manager
    assert manager
    assert manager.given_name == "Cy"
    assert open_error().reason == "invalid-manager"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_error_is_not_reopened_by_a_worker_with_outdated_data(
    scim: Provider, racers: Racers
) -> None:
    """One worker reads that Ada waits; another assigns her manager before the first continues."""
    scim("POST", "/Users", someone("ada", **managed_by("bob@example.com")))
    scim("POST", "/Users", someone("bob"))
    report, bob = ada(), Person.objects.get(email="bob@example.com")
    has_read, has_assigned = Event(), Event()

    def pause_after_reading(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        result = execute(sql, *more)
        if not has_read.is_set():
            has_read.set()
            assert has_assigned.wait(30)
        return result

    def record() -> None:
        with connection.execute_wrapper(pause_after_reading):
            waiting_managers.record_waiting(report)

    def assign() -> None:
        assert has_read.wait(30)
        waiting_managers.resolve_waiting(waiting_managers.users_waiting_for(bob))
        has_assigned.set()

    racers(record, assign)

    assert ada().manager == bob
    assert not SyncError.objects.open().exists()


def test_query_count_does_not_grow_with_unresolvable_managers(scim: Provider) -> None:
    def wait(first: int, many: int) -> int:
        for n in range(first, first + many):
            scim.add(f"u{n}", **managed_by(f"nobody-{n}@example.com"))
        with CaptureQueriesContext(connection) as captured:
            assert waiting_managers.resolve_all() == 0
        return len(captured)

    few = wait(0, 2)

    assert wait(2, 10) == few
    scim.add("ada", **managed_by("Bob@Example.com"))
    bob = core.person(email="bob@example.com")
    assert waiting_managers.resolve_all() == 1
    assert ada().manager == bob


@pytest.mark.parametrize("reference", ["E-7", "BOB@example.com", "bob-old@example.com", "id"])
def test_cycle_finds_manager_by_every_identifier(scim: Provider, reference: str) -> None:
    scim.add("bob", externalId="E-7")
    user = ScimUser.objects.select_related("connection").get()
    FormerName.objects.create(user=user, name_key="bob-old@example.com", until=timezone.now())
    given = str(user.scim_id).upper() if reference == "id" else reference

    assert managers.find(user.connection, given)
    references = {(user.connection.pk, given), (user.connection.pk, "nobody")}
    with tenancy.across_tenants():
        found = managers.findable([user.connection], references)
    assert found == {(user.connection.pk, given)}


def test_of_another_company_is_found_by_nobody(scim: Provider) -> None:
    with core.in_another_tenant():
        core.person(email="bob@example.com")
        other = scim_connection()
    references = {(one.pk, "bob@example.com") for one in (scim.connection, other)}

    with tenancy.across_tenants():
        found = managers.findable([scim.connection, other], references)

    assert found == {(other.pk, "bob@example.com")}


def test_takes_the_cycle_the_same_queries_for_many_companies(scim: Provider) -> None:
    def wait(companies: int) -> int:
        for _ in range(companies):
            with core.in_another_tenant():
                okta = Provider(scim_connection(unknown_manager="hold"))
                okta.add("ada", **managed_by("nobody@example.com"))
        with CaptureQueriesContext(connection) as captured:
            assert waiting_managers.resolve_all() == 0
        return len(captured)

    assert wait(2) == wait(4)
