"""A unit of work …"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from people.db import unit_of_work
from people.db.unit_of_work import Conflict
from people.models import Event, Person, Tenant
from people.operations import locks
from people.operations.locks import LockName
from tests.factories import core

pytestmark = pytest.mark.django_db(transaction=True)

ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)


def rename(person: Person, name: str) -> None:
    """Change the person and write it down, as operations do."""
    person.given_name = name
    event = Event(
        tenant_id=person.tenant_id, person=person, kind="x", actor="job:x", happened_at=ALWAYS
    )
    person.save(update_fields=["given_name"])
    event.save()


def stored(person: Person) -> tuple[str, int]:
    """Return the name that is stored, and how many events are."""
    return Person.objects.get(pk=person.pk).given_name, person.events.count()


@pytest.fixture
def ada(tenant: Tenant) -> Person:
    return core.person(given_name="Ada")


def test_stores_everything_in_one_statement(ada: Person) -> None:
    with (
        CaptureQueriesContext(connection) as queries,
        unit_of_work.deferring(),
    ):
        rename(ada, "Augusta")

    assert len(queries) == 1
    assert stored(ada) == ("Augusta", 1)


LOCKS: list[Callable[[Person], object]] = [
    locks.lock,
    lambda person: locks.lock_person(person.pk),
    lambda person: locks.lock_all([str(person.pk)]),
    lambda person: locks.acquire_lock(LockName.ADMINISTRATORS, person.tenant_id),
    lambda person: locks.try_acquire_lock(LockName.ADMINISTRATORS, person.tenant_id),
]


@pytest.mark.parametrize("take", LOCKS)
def test_takes_no_lock_outside_a_transaction(ada: Person, take: Callable[[Person], object]) -> None:
    with unit_of_work.deferring(), pytest.raises(TransactionManagementError):
        take(ada)


def test_calls_back_when_everything_is_committed(ada: Person) -> None:
    heard: list[tuple[str, int]] = []
    with transaction.atomic():
        with unit_of_work.deferring():
            rename(ada, "Augusta")
            unit_of_work.on_stored(lambda: heard.append(stored(ada)))
        assert not heard

    assert heard == [("Augusta", 1)]


def test_calls_nobody_back_when_the_transaction_fails(ada: Person) -> None:
    heard: list[str] = []

    def fail() -> None:
        with transaction.atomic(), unit_of_work.deferring():
            unit_of_work.on_stored(lambda: heard.append("stored"))
            rename(ada, "Augusta")
            core.person(email=ada.email).save(force_insert=True)

    with pytest.raises(Conflict):
        fail()

    assert not heard
    assert stored(ada) == ("Ada", 0)
