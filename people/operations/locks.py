"""The locks that an operation takes while it checks a rule and writes.

All code locks in this order, which avoids deadlocks: the source of roles, such as a connection;
the person's row; the organization chart; the administrators.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from people import tenancy
from people.db import row_json
from people.models import Department, Location, Person

# What the rules about a person ask for at once.
LOCKED_MODELS: tuple[Any, ...] = (Person, Department, Location)


class LockName(IntEnum):
    """Rules about many rows at once, each under one lock a tenant."""

    ORGANIZATION_CHART = 1
    ADMINISTRATORS = 2
    BULK_CHANGES = 3
    FOLLOWED_GROUPS = 4


def acquire_lock(rule: LockName, tenant_id: int) -> None:
    """Let no other transaction of the tenant check this rule until ours has ended.

    SQLite has one writer at a time, so there the transaction itself is the lock.
    """
    _require_transaction()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [rule, tenant_id])


def try_acquire_lock(rule: LockName, tenant_id: int) -> bool:
    """Do that unless another transaction does; tell whether it is ours."""
    _require_transaction()
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [rule, tenant_id])
        return bool(cursor.fetchone()[0])


_held: ContextVar[frozenset[UUID]] = ContextVar("people_held", default=frozenset())


@contextmanager
def assume_locked(person: Person) -> Iterator[None]:
    """Spare several operations of one transaction the lock that is taken already."""
    token = _held.set(_held.get() | {person.pk})
    try:
        yield
    finally:
        _held.reset(token)


def lock_person(person_id: UUID) -> Person:
    """Lock the person, and return them as they are now."""
    held: Person = _rows().get(pk=person_id)
    return held


def lock_all(ids: Iterable[str]) -> dict[str, Person]:
    """Hold several people, always in the same order; return them by id as they are now."""
    rows = _rows().filter(pk__in=set(ids)).order_by("pk")
    return {str(person.pk): person for person in rows}


def lock(person: Person) -> None:
    """Hold the person until the transaction ends, and see them as they are now.

    Inside `assume_locked` the person is locked already, and a person who is not stored yet is
    not visible to anybody else.

    :raises NoTenantInForceError: if all tenants are in force. The rules ask who else is
        there, and would count the owners and the addresses of other companies.
    """
    if person.pk not in _held.get() and not person._state.adding:
        person.refresh_from_db(from_queryset=_rows())


LOCKED_JOINS: Final = """
    LEFT JOIN people_department d ON d.id = p.department_id
    LEFT JOIN people_location l ON l.id = p.location_id
"""


def locked_columns() -> str:
    """Name what `read_locked` reads, of people p and of LOCKED_JOINS."""
    return ", ".join(
        row_json.columns(model, table) for model, table in zip(LOCKED_MODELS, "pdl", strict=True)
    )


def locked_width() -> int:
    return sum(len(model._meta.concrete_fields) for model in LOCKED_MODELS)


def read_locked(values: Sequence[Any]) -> Person | None:
    """Make the person, and where they work, of the `locked_columns` of a row that is locked."""
    rest = iter(values)
    person, *places = (
        tuple(islice(rest, len(model._meta.concrete_fields))) for model in LOCKED_MODELS
    )
    if not any(person):
        return None
    department, location = places
    return row_json.from_row(
        Person,
        person,
        department=row_json.from_row(Department, department) if any(department) else None,
        location=row_json.from_row(Location, location) if any(location) else None,
    )


def _rows() -> QuerySet[Person]:
    _require_transaction()
    rows = Person.objects.filter(tenant_id=tenancy.current_id())
    rows = rows.select_related("department", "location__entity")
    held: QuerySet[Person] = rows.select_for_update(of=("self",), no_key=True)
    return held


def _require_transaction() -> None:
    """See that a lock would not end with the statement that takes it.

    :raises TransactionManagementError: if there is no transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Locks need a transaction.")
