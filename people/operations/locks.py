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

# A person is locked and read together with the department and location, which most rules need.
LOCKED_MODELS: tuple[Any, ...] = (Person, Department, Location)
# The numbers of their columns, looked up once.
LOCKED_WIDTHS: Final = tuple(len(model._meta.concrete_fields) for model in LOCKED_MODELS)


class LockName(IntEnum):
    """The rules that concern many rows of a tenant. Each has one advisory lock per tenant."""

    ORGANIZATION_CHART = 1
    ADMINISTRATORS = 2
    BULK_CHANGES = 3
    FOLLOWED_GROUPS = 4
    WEBHOOKS = 5


def acquire_lock(rule: LockName, tenant_id: int) -> None:
    """Wait for the lock, and keep it until the transaction ends.

    On SQLite the transaction itself is the lock, because there is only one writer at a time.

    :raises TransactionManagementError: if there is no transaction.
    """
    _require_transaction()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [rule, tenant_id])


def try_acquire_lock(rule: LockName, tenant_id: int) -> bool:
    """Take the lock without waiting; return False if another transaction has it.

    :raises TransactionManagementError: if there is no transaction.
    """
    _require_transaction()
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [rule, tenant_id])
        return bool(cursor.fetchone()[0])


_held: ContextVar[frozenset[UUID]] = ContextVar("people_held", default=frozenset())


@contextmanager
def assume_locked(person: Person) -> Iterator[None]:
    """Skip locking the person in this block, because the caller has locked them already."""
    token = _held.set(_held.get() | {person.pk})
    try:
        yield
    finally:
        _held.reset(token)


def lock_person(person_id: UUID) -> Person:
    """Lock the person, and return their current row.

    :raises Person.DoesNotExist: if the tenant in force has no such person.
    """
    person: Person = _rows().get(pk=person_id)
    return person


def lock_all(ids: Iterable[str]) -> dict[str, Person]:
    """Lock several people, and return their current rows by id. Unknown ids are ignored."""
    # Always in the same order: two transactions that lock the same people cannot deadlock.
    rows = _rows().filter(pk__in=set(ids)).order_by("pk")
    return {str(person.pk): person for person in rows}


def lock(person: Person) -> None:
    """Lock the person until the transaction ends, and refresh them from the database.

    Nothing happens inside `assume_locked`, or for a person who is not stored yet.

    :raises NoTenantInForceError: if all tenants are in force: rules such as “the last Owner”
        would count the people of other companies.
    """
    if person.pk not in _held.get() and not person._state.adding:
        person.refresh_from_db(from_queryset=_rows())


LOCKED_JOINS: Final = """
    LEFT JOIN people_department d ON d.id = p.department_id
    LEFT JOIN people_location l ON l.id = p.location_id
"""


def locked_columns() -> str:
    """Return the SELECT list for `read_locked`, for people_person p with LOCKED_JOINS."""
    return ", ".join(
        row_json.columns(model, table) for model, table in zip(LOCKED_MODELS, "pdl", strict=True)
    )


def locked_width() -> int:
    return sum(LOCKED_WIDTHS)


def read_locked(values: Sequence[Any]) -> Person | None:
    """Return the person with department and location from the values of `locked_columns`.

    The caller's statement has locked the row. The result is None if all values are NULL.
    """
    rest = iter(values)
    person, department, location = [tuple(islice(rest, width)) for width in LOCKED_WIDTHS]
    if not any(person):
        return None
    return row_json.from_row(
        Person,
        person,
        department=row_json.from_row(Department, department) if any(department) else None,
        location=row_json.from_row(Location, location) if any(location) else None,
    )


def _rows() -> QuerySet[Person]:
    _require_transaction()
    # Explicitly, because the manager does not filter when all tenants are in force.
    rows = Person.objects.filter(tenant_id=tenancy.current_id())
    rows = rows.select_related("department", "location__entity")
    # no_key: rows that only refer to the person (foreign keys) need not wait.
    locked: QuerySet[Person] = rows.select_for_update(of=("self",), no_key=True)
    return locked


def _require_transaction() -> None:
    """Check that there is a transaction: otherwise a lock ends with its own statement.

    :raises TransactionManagementError: if there is none.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Locks need a transaction.")
