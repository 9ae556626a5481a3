"""What an operation holds while it checks a rule and writes.

One order for everybody, or two requests wait for each other for ever: the person's row
first, then the organisation chart, then the administrators.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from people import tenancy
from people.models import Person


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
    person = _rows().get(pk=person_id)
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


def _rows() -> QuerySet[Person]:
    rows = Person.objects.filter(tenant_id=tenancy.current_id())
    rows = rows.select_related("department", "location__entity")
    held: QuerySet[Person] = rows.select_for_update(of=("self",), no_key=True)
    return held
