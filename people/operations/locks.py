"""What an operation holds while it checks a rule and writes.

One order for everybody, or two requests wait for each other for ever: the person's row
first, then the organisation chart, then the administrators.
"""

from enum import IntEnum

from django.db import connection

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


def lock(person: Person) -> None:
    """Hold the person until the transaction ends, and see them as they are now.

    :raises NoTenantInForceError: if all tenants are in force. The rules ask who else is
        there, and would count the owners and the addresses of other companies.
    """
    rows = Person.objects.filter(tenant_id=tenancy.current_id())
    rows = rows.select_related("department", "location__entity")
    person.refresh_from_db(from_queryset=rows.select_for_update(of=("self",), no_key=True))
