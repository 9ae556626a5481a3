"""A write that is put off to the end of a block …"""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from people.db import prepared_statements, unit_of_work
from people.models import Event, Person, Tenant
from people.operations import locks
from tests.factories import core

pytestmark = pytest.mark.django_db

NAMED = "SELECT given_name FROM people_person WHERE id = %s"
ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ada(tenant: Tenant) -> Person:
    return core.person(given_name="Ada", family_name="Byron")


def rename(person: Person, name: str) -> None:
    person.given_name = name
    person.save(update_fields=["given_name"])


def event(person: Person) -> Event:
    return Event(
        tenant_id=person.tenant_id, person=person, kind="x", actor="job:x", happened_at=ALWAYS
    )


def stored(person: Person) -> tuple[str, str]:
    row = Person.objects.get(pk=person.pk)
    return row.given_name, row.family_name


def read_again(person: Person) -> None:
    person.refresh_from_db()
    assert person.given_name == "Augusta"


def lock(person: Person) -> None:
    locks.lock(person)
    assert person.given_name == "Augusta"


def find(person: Person) -> None:
    assert Person.objects.filter(given_name="Augusta").exists()


def find_fast(person: Person) -> None:
    assert prepared_statements.first_row(NAMED, [person.pk]) == ("Augusta",)


def change_all(person: Person) -> None:
    Person.objects.filter(given_name="Augusta").update(family_name="King")
    assert stored(person) == ("Augusta", "King")


def another_instance(person: Person) -> Person:
    another = copy(person)
    another.family_name = "King"
    return another


def write_another_instance(person: Person) -> None:
    another = another_instance(person)
    another.save(update_fields=["family_name"])


READERS = [read_again, lock, find, find_fast, change_all]


@pytest.mark.parametrize("read", [*READERS, write_another_instance])
def test_is_stored_before_what_would_miss_it(ada: Person, read: Callable[[Person], object]) -> None:
    with transaction.atomic(), unit_of_work.deferring():
        rename(ada, "Augusta")
        read(ada)

    assert stored(ada)[0] == "Augusta"
    assert stored(ada)[1] == ("King" if read in (change_all, write_another_instance) else "Byron")


def test_goes_with_the_savepoint_that_is_taken_back_and_no_other(ada: Person) -> None:
    with transaction.atomic(), unit_of_work.deferring():
        rename(ada, "Augusta")
        with suppress(ValueError), transaction.atomic():
            event(ada).save()
            raise ValueError

    assert stored(ada)[0] == "Augusta"
    assert not ada.events.exists()


def test_of_an_outer_block_is_stored_before_an_inner_one(ada: Person) -> None:
    with transaction.atomic(), unit_of_work.deferring():
        rename(ada, "Augusta")
        with unit_of_work.deferring():
            read_again(ada)

    assert stored(ada)[0] == "Augusta"


def test_is_deleted_by_what_is_deleted_after_it(ada: Person) -> None:
    with transaction.atomic(), unit_of_work.deferring():
        event(ada).save()
        unit_of_work.delete(Event, person=ada.pk)

    assert not ada.events.exists()


def test_of_one_row_twice_is_kept_both_times_without_a_block(ada: Person) -> None:
    another = another_instance(ada)
    ada.given_name = "Augusta"

    ada.save(update_fields=["given_name"])
    another.save(update_fields=["family_name"])

    assert stored(ada) == ("Augusta", "King")


def test_costs_no_statement_where_nobody_reads_its_table(ada: Person) -> None:
    with (
        transaction.atomic(),
        CaptureQueriesContext(connection) as queries,
        unit_of_work.deferring(),
    ):
        rename(ada, "Augusta")
        assert Tenant.objects.exists()
        ada.family_name = "King"
        ada.save(update_fields=["family_name"])
        event(ada).save()

    assert len(queries) == 2
    assert stored(ada) == ("Augusta", "King")
