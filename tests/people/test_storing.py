"""A block that stores alone, in one statement without a transaction, …"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from people.db import prepared_statements, unit_of_work
from people.db.batch_write import Write
from people.db.prepared_statements import NeedsTransaction
from people.models import Event, Person, Tenant
from people.operations import locks, people_update
from people.operations.invites import lifecycle
from people.values import Actor
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

A_LOCK = "SELECT 1 FROM people_person FOR UPDATE"
ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = "SELECT 1 FROM people_tenant WHERE id = %s AND manual_invite_days = %s"


def see(person: Person) -> None:
    row = prepared_statements.one("SELECT xmin::text FROM people_person WHERE id = %s", [person.pk])
    assert row
    unit_of_work.saw(person, row[0])


def rename(person: Person, name: str) -> None:
    """Change the person and write it down, as operations do."""
    person.given_name = name
    event = Event(
        tenant_id=person.tenant_id, person=person, kind="x", actor="job:x", happened_at=ALWAYS
    )
    unit_of_work.write(Write(person, ("given_name",)), Write(event))


def meanwhile(statement: str) -> None:
    """Have somebody else run the statement, whom the block knows nothing of."""
    connection.connection.execute(statement)


def stored(person: Person) -> tuple[str, int]:
    """Return the name that is stored, and how many events are."""
    return Person.objects.get(pk=person.pk).given_name, person.events.count()


@pytest.fixture
def ada(tenant: Tenant) -> Person:
    return make.person(given_name="Ada")


def test_asks_the_database_once(ada: Person) -> None:
    with CaptureQueriesContext(connection) as queries, unit_of_work.alone():
        see(ada)
        rename(ada, "Augusta")

    assert len(queries) == 2
    assert stored(ada) == ("Augusta", 1)


def test_stores_nothing_of_a_row_of_which_nothing_changed(ada: Person) -> None:
    with unit_of_work.together():
        unit_of_work.write(Write(ada, ()))
    unit_of_work.write(Write(ada, ()))

    assert stored(ada) == ("Ada", 0)


def test_stores_nothing_on_a_version_that_it_has_not_seen(ada: Person) -> None:
    def overlook_a_change() -> None:
        with unit_of_work.alone():
            see(ada)
            rename(ada, "Augusta")
            meanwhile("UPDATE people_person SET role_source = 'x'")

    with pytest.raises(NeedsTransaction):
        overlook_a_change()

    assert stored(ada) == ("Ada", 0)


def test_stores_on_the_version_that_it_has_seen_though_it_is_locked_since(ada: Person) -> None:
    with unit_of_work.alone():
        see(ada)
        meanwhile(A_LOCK)
        rename(ada, "Augusta")

    assert stored(ada) == ("Augusta", 1)


def test_changes_nobody_whom_it_has_not_seen(ada: Person) -> None:
    def change_unseen() -> None:
        with unit_of_work.alone():
            rename(ada, "Augusta")

    with pytest.raises(NeedsTransaction):
        change_unseen()

    assert stored(ada) == ("Ada", 0)


@pytest.mark.parametrize(("days", "name", "told"), [(14, "Augusta", 1), (15, "Ada", 0)])
def test_stores_if_what_it_depends_on_is_so(ada: Person, days: int, name: str, told: int) -> None:
    def depend() -> None:
        with unit_of_work.alone():
            see(ada)
            unit_of_work.only_if(DAYS, [ada.tenant_id, days])
            rename(ada, "Augusta")

    if told:
        depend()
    else:
        with pytest.raises(NeedsTransaction):
            depend()

    assert stored(ada) == (name, told)


def cursor_runs(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


REFUSED: list[Callable[[Person], object]] = [
    locks.lock,
    lambda person: locks.hold_person(person.pk),
    lambda person: person.save(),
    lambda person: Person.objects.update(given_name="Augusta"),
    lambda person: people_update.assign_manager(person, make.person(), actor=Actor("job", "x")),
    lambda person: lifecycle.revoke_invite(person, actor=Actor("job", "x")),
    lambda person: cursor_runs(A_LOCK),
    lambda person: cursor_runs("WITH w AS (UPDATE people_person SET email = 'x') SELECT 1"),
    lambda person: cursor_runs("SELECT pg_advisory_xact_lock(1, 2)"),
    lambda person: prepared_statements.one("SELECT 1 FROM people_person FOR KEY SHARE", []),
    lambda person: prepared_statements.one("UPDATE people_person SET email = 'x' RETURNING 1", []),
]


@pytest.mark.parametrize("act", REFUSED)
def test_holds_and_stores_nothing_before_its_end(
    ada: Person, act: Callable[[Person], object]
) -> None:
    def act_alone() -> None:
        with unit_of_work.alone():
            see(ada)
            act(ada)

    with pytest.raises(NeedsTransaction):
        act_alone()

    assert stored(ada) == ("Ada", 0)
    assert not connection.in_atomic_block


def test_calls_when_everything_is_stored(ada: Person) -> None:
    heard: list[tuple[str, int]] = []
    with unit_of_work.alone():
        see(ada)
        rename(ada, "Augusta")
        unit_of_work.when_stored(lambda: heard.append(stored(ada)))
        assert not heard

    assert heard == [("Augusta", 1)]


def test_calls_nobody_when_nothing_is_stored(ada: Person) -> None:
    heard: list[str] = []

    def fail() -> None:
        with unit_of_work.alone():
            unit_of_work.when_stored(lambda: heard.append("stored"))
            unit_of_work.only_if(DAYS, [ada.tenant_id, 0])
            see(ada)
            rename(ada, "Augusta")

    with pytest.raises(NeedsTransaction):
        fail()

    assert not heard
