"""Rows that fixed statements store are …"""

from typing import Any

import pytest
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.db import unit_of_work
from people.db.unit_of_work import Conflict
from people.models import Event, Person, Tenant
from people.values import normalize_key
from tests.factories import core

pytestmark = pytest.mark.django_db


def unsaved(tenant: Tenant, email: str) -> Person:
    return Person(
        tenant=tenant,
        given_name="Ada",
        family_name="Lovelace",
        email=email,
        email_key=normalize_key(email),
        role_assigned_at=timezone.now(),
        custom_values={"cost_center": "4000"},
    )


def happening(tenant: Tenant, kind: str, person: Person | None) -> Event:
    now = timezone.now()
    return Event(tenant=tenant, kind=kind, person=person, actor="job:x", happened_at=now)


def columns(row: Any, *but: str) -> dict[str, Any]:
    fields = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in fields if name not in but}


def test_read_by_the_orm_as_they_were_stored(tenant: Tenant) -> None:
    person = unsaved(tenant, "ada@example.com")

    with unit_of_work.deferring():
        person.save()

    assert columns(Person.objects.get(pk=person.pk)) == columns(person)
    assert not person._state.adding


def test_kept_in_the_order_in_which_they_were_written(tenant: Tenant) -> None:
    person = unsaved(tenant, "ada@example.com")

    with unit_of_work.deferring():
        person.save()
        for kind in ("first", "second", "third"):
            happening(tenant, kind, person).save()

    assert [event.kind for event in Event.objects.order_by("pk")] == ["first", "second", "third"]


def test_known_by_their_own_key_or_by_none(tenant: Tenant) -> None:
    """Events get their keys from the database, which returns only those of the last model."""
    happenings = [happening(tenant, kind, None) for kind in ("first", "second")]
    last = [happening(tenant, kind, None) for kind in ("third", "fourth")]

    with unit_of_work.deferring():
        for event in happenings:
            event.save()
        unsaved(tenant, "ada@example.com").save()
    with unit_of_work.deferring():
        unsaved(tenant, "bob@example.com").save()
        for event in last:
            event.save()

    assert [event.pk for event in happenings] == [None, None]
    stored = Event.objects.filter(kind__in=["third", "fourth"]).order_by("pk")
    assert [event.pk for event in last] == [event.pk for event in stored]
    with unit_of_work.deferring(), pytest.raises(ValueError, match="read it again"):
        happenings[0].save()


def test_stored_many_at_once(tenant: Tenant) -> None:
    happenings = [happening(tenant, f"kind {number}", None) for number in range(5)]

    with CaptureQueriesContext(connection) as queries, unit_of_work.deferring():
        happening(tenant, "first", None).save()
        unit_of_work.bulk_create(happenings)

    assert len(queries) == 1
    assert Event.objects.count() == 6


def test_stored_many_at_once_and_nothing_else(tenant: Tenant) -> None:
    with unit_of_work.deferring():
        unit_of_work.bulk_create([happening(tenant, f"kind {number}", None) for number in range(5)])

    assert Event.objects.count() == 5


def test_found_taken_only_at_the_end_where_new_rows_are_put_off(tenant: Tenant) -> None:
    core.person(email="ada@example.com")

    def add_another() -> None:
        with transaction.atomic(), unit_of_work.deferring():
            unsaved(tenant, "ADA@example.com").save()

    with pytest.raises(Conflict):
        add_another()

    assert Person.objects.count() == 1


def test_given_the_key_that_the_database_chose(tenant: Tenant) -> None:
    event = Event(tenant=tenant, kind="tenant.created", actor="job:x", happened_at=timezone.now())

    with unit_of_work.deferring():
        event.save()

    assert Event.objects.get(pk=event.pk).actor == "job:x"


def test_changed_where_they_are_named_and_nowhere_else(tenant: Tenant) -> None:
    person = core.person(given_name="Ada", family_name="Byron")
    person.given_name, person.family_name = "Augusta", "Lovelace"

    with unit_of_work.deferring():
        person.save(update_fields=["family_name", "changed_at"])

    stored = Person.objects.get(pk=person.pk)
    assert (stored.given_name, stored.family_name) == ("Ada", "Lovelace")
    assert stored.changed_at == person.changed_at


def test_stored_together_in_one_statement(tenant: Tenant) -> None:
    person = core.person()
    event = Event(tenant=tenant, person=person, kind="x", actor="job:x", happened_at=timezone.now())
    person.given_name, person.family_name = "Augusta", "King"

    with CaptureQueriesContext(connection) as queries, unit_of_work.deferring():
        person.save(update_fields=["given_name"])
        person.save(update_fields=["family_name"])
        event.save()

    assert len(queries) == 1
    assert model_to_dict(Person.objects.get(pk=person.pk)) == model_to_dict(person)
    assert person.events.get().pk == event.pk


def test_forgotten_when_the_block_that_gathers_them_fails(tenant: Tenant) -> None:
    person = core.person(given_name="Ada")
    person.given_name = "Augusta"

    def fail() -> None:
        with unit_of_work.deferring():
            person.save(update_fields=["given_name"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert Person.objects.get(pk=person.pk).given_name == "Ada"
