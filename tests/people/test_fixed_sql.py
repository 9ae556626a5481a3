"""Rows that fixed statements store are …"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people import fixed_sql
from people.fixed_sql import Write
from people.models import Event, Person, Tenant
from people.values import fold
from tests import make

pytestmark = pytest.mark.django_db


def unsaved(tenant: Tenant, email: str) -> Person:
    return Person(
        tenant=tenant,
        given_name="Ada",
        family_name="Lovelace",
        email=email,
        email_key=fold(email),
        role_since=timezone.now(),
        custom_values={"cost_center": "4000"},
    )


def columns(row: Any, *but: str) -> dict[str, Any]:
    fields = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in fields if name not in but}


@pytest.mark.parametrize("store", [fixed_sql.insert, lambda row: row.save(force_insert=True)])
def test_read_by_the_orm_as_they_were_stored(
    tenant: Tenant, store: Callable[[Person], None]
) -> None:
    person = unsaved(tenant, "ada@example.com")

    store(person)

    assert columns(Person.objects.get(pk=person.pk)) == columns(person)
    assert not person._state.adding


def test_given_the_key_that_the_database_chose(tenant: Tenant) -> None:
    event = Event(tenant=tenant, kind="tenant.created", actor="job:x", happened_at=timezone.now())

    fixed_sql.insert(event)

    assert Event.objects.get(pk=event.pk).actor == "job:x"


def test_changed_where_they_are_named_and_nowhere_else(tenant: Tenant) -> None:
    person = make.person(given_name="Ada", family_name="Byron")
    person.given_name, person.family_name = "Augusta", "Lovelace"

    fixed_sql.write(Write(person, ("family_name", "changed_at")))

    stored = Person.objects.get(pk=person.pk)
    assert (stored.given_name, stored.family_name) == ("Ada", "Lovelace")
    assert stored.changed_at == person.changed_at


def test_stored_together_in_one_statement(tenant: Tenant) -> None:
    person = make.person()
    event = Event(tenant=tenant, person=person, kind="x", actor="job:x", happened_at=timezone.now())
    person.given_name, person.family_name = "Augusta", "King"

    with CaptureQueriesContext(connection) as queries, fixed_sql.together():
        fixed_sql.write(Write(person, ("given_name",)))
        fixed_sql.write(Write(person, ("family_name",)), Write(event))

    assert len(queries) == 1
    assert model_to_dict(Person.objects.get(pk=person.pk)) == model_to_dict(person)
    assert person.events.get().pk == event.pk


def test_forgotten_when_the_block_that_gathers_them_fails(tenant: Tenant) -> None:
    person = make.person(given_name="Ada")
    person.given_name = "Augusta"

    def fail() -> None:
        with fixed_sql.together():
            fixed_sql.write(Write(person, ("given_name",)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert Person.objects.get(pk=person.pk).given_name == "Ada"


def test_loaded_as_the_orm_loads_them(tenant: Tenant) -> None:
    person = make.person(custom_values={"cost_center": "4000"})
    held = fixed_sql.columns(Person, "p")

    row = fixed_sql.one(f"SELECT {held} FROM people_person p WHERE id = %s", [person.pk])  # noqa: S608

    assert row is not None
    assert columns(fixed_sql.loaded(Person, row)) == columns(Person.objects.get(pk=person.pk))
