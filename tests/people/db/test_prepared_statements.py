"""What fixed statements find is …"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from people.db import prepared_statements, row_json
from people.db.prepared_statements import PreparedQuery
from people.models import Person, Tenant
from tests.factories import core

pytestmark = pytest.mark.django_db

NAMES = "SELECT given_name, family_name FROM people_person WHERE email_key = %s"


def named(email: str) -> PreparedQuery:
    return PreparedQuery(NAMES, (email,), 2)


def test_loaded_as_the_orm_loads_it(tenant: Tenant) -> None:
    person = core.person(custom_values={"cost_center": "4000"})
    held = row_json.columns(Person, "p")

    row = prepared_statements.first_row(
        f"SELECT {held} FROM people_person p WHERE id = %s",  # noqa: S608
        [person.pk],
    )

    assert row is not None
    loaded = row_json.from_row(Person, row)
    known = Person.objects.get(pk=person.pk)
    assert {**vars(loaded), "_state": None} == {**vars(known), "_state": None}


def test_found_in_one_journey_and_once(tenant: Tenant) -> None:
    core.person(given_name="Ada", family_name="King", email="ada@example.com")
    core.person(given_name="Grace", family_name="Hopper", email="grace@example.com")
    ada, nobody, grace = map(named, ("ada@example.com", "no@example.com", "grace@example.com"))

    with prepared_statements.prefetching():
        with CaptureQueriesContext(connection) as ahead:
            prepared_statements.prefetch(ada, nobody, grace)
        with CaptureQueriesContext(connection) as queries:
            found = [prepared_statements.fetch(one) for one in (grace, nobody, ada)]
        with CaptureQueriesContext(connection) as again:
            assert prepared_statements.fetch(ada) == ("Ada", "King")

    assert found == [("Grace", "Hopper"), None, ("Ada", "King")]
    assert (len(ahead), len(queries), len(again)) == (1, 0, 1)


def test_forgotten_when_the_block_ends(tenant: Tenant) -> None:
    ada = core.person(given_name="Ada", family_name="Byron", email="ada@example.com")
    with prepared_statements.prefetching():
        prepared_statements.prefetch(named(ada.email))
    Person.objects.update(family_name="King")

    assert prepared_statements.fetch(named(ada.email)) == ("Ada", "King")
