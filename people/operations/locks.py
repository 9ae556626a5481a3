"""What an operation holds while it checks a rule and writes.

One order for everybody, or two requests wait for each other for ever: the person's row
first, then the organisation chart, then the administrators.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from people import fixed_sql, tenancy
from people.models import Department, Entity, Location, Person

# What the rules about a person ask for at once.
HELD: tuple[Any, ...] = (Person, Department, Location, Entity)


class Guarded(IntEnum):
    """Rules about many rows at once, each under one lock a tenant."""

    ORGANISATION_CHART = 1
    ADMINISTRATORS = 2


def hold(rule: Guarded, tenant_id: int) -> None:
    """Let no other transaction of the tenant check this rule until ours has ended.

    SQLite has one writer at a time, so there the transaction itself is the lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [rule, tenant_id])


_held: ContextVar[frozenset[UUID]] = ContextVar("people_held", default=frozenset())


@contextmanager
def holding(person_id: UUID) -> Iterator[Person]:
    """Hold the person once for several operations of one transaction."""
    person = _held_person(person_id)
    token = _held.set(_held.get() | {person_id})
    try:
        yield person
    finally:
        _held.reset(token)


def lock(person: Person) -> None:
    """Hold the person until the transaction ends, and see them as they are now.

    Inside `holding` that is so already.

    :raises NoTenantInForceError: if all tenants are in force. The rules ask who else is
        there, and would count the owners and the addresses of other companies.
    """
    if person.pk not in _held.get():
        person.refresh_from_db(from_queryset=_rows())


def _held_person(person_id: UUID) -> Person:
    if not fixed_sql.available():
        return _rows().get(pk=person_id)
    row = fixed_sql.one(_statement(), [person_id, tenancy.current_id()])
    if row is None:
        raise Person.DoesNotExist
    values = iter(row)
    person: Person
    person, department, location, entity = (
        fixed_sql.loaded(model, list(islice(values, len(model._meta.concrete_fields))))
        for model in HELD
    )
    person.department = department if department.pk else None
    person.location = location if location.pk else None
    location.entity = entity
    return person


@cache
def _statement() -> str:
    columns = ", ".join(
        fixed_sql.columns(model, table) for model, table in zip(HELD, "pdle", strict=True)
    )
    return f"""
        SELECT {columns} FROM people_person p
          LEFT JOIN people_department d ON d.id = p.department_id
          LEFT JOIN people_location l ON l.id = p.location_id
          LEFT JOIN people_entity e ON e.id = l.entity_id
         WHERE p.id = %s AND p.tenant_id = %s
           FOR NO KEY UPDATE OF p
    """  # noqa: S608  nothing of a request is in it


def _rows() -> QuerySet[Person]:
    rows = Person.objects.filter(tenant_id=tenancy.current_id())
    rows = rows.select_related("department", "location__entity")
    held: QuerySet[Person] = rows.select_for_update(of=("self",), no_key=True)
    return held
