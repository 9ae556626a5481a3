"""Team updates in a company with a hundred thousand people."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from people.models import Invite, Mail, Person
from scim.models import Connection, SyncError
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories.large_companies import analyse, copied, multiply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("swept")]

MANY = 100
COPIES = 500
# The index that finds the rows of the first page, if one has their order.
INDEXES = {
    "/people/updates/invites/": "invite_pending",
    "/people/updates/inactive/": "",
    "/people/updates/errors/": "sync_error_pending",
}


def test_large_company_needs_no_more_queries_and_reads_only_shown_rows(
    owner: Person, scim: Provider
) -> None:
    client = signed_in(owner)
    fill(scim.connection, range(3))
    pages = (*INDEXES, "/people/", "/overview/")
    few = [number_of_queries(client, address) for address in pages]

    fill(scim.connection, range(3, MANY))
    multiply_everything()

    assert Person.objects.count() > 100_000
    assert [number_of_queries(client, address) for address in pages] == few
    assert_reads_only_what_it_counts(queries_of(client, "/overview/"))
    for address, index in INDEXES.items():
        queries = queries_of(client, address)
        assert all("LIMIT 10001" in sql for sql in queries if "COUNT(" in sql)
        assert index in plan_of_the_list(queries)
        assert_first_ten_thousand_are_paged(client, address)


def number_of_queries(client: Client, address: str) -> int:
    """Count the queries without EXPLAIN, which estimates numbers that are not counted."""
    return sum(not sql.startswith("EXPLAIN") for sql in queries_of(client, address))


def assert_reads_only_what_it_counts(queries: list[str]) -> None:
    """Fail if the overview counts without a limit, or searches all mails for problems."""
    for sql in queries:
        # Administrators enter drafts of mappings one by one, so they are few.
        if "_groupmapping" not in sql:
            assert sql.count("COUNT(*)") == sql.count("LIMIT 10001)")
    [attention] = [sql for sql in queries if "_mail" in sql and "COUNT(*)" in sql]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {attention}")
        assert "mail_invite_problem" in json.dumps(cursor.fetchall())


def assert_first_ten_thousand_are_paged(client: Client, address: str) -> None:
    page = text_of(client.get(address))

    # The totals are estimates from PostgreSQL's statistics.
    assert len(re.findall(r'ramp-count">about [1-9]\d*,\d{3}<', page)) == 3
    assert re.search(r"Showing the first 10,000 of about [\d,]+\. Search or filter", page)
    assert page.count("<tr>") == 51


def plan_of_the_list(queries: list[str]) -> str:
    """Return the query plan for the rows of the page."""
    [sql] = [one for one in queries if "ORDER BY" in one and "LIMIT 50" in one]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        return json.dumps(cursor.fetchall())


def fill(scim: Connection, numbers: range) -> None:
    """Create rows, each a second newer than the previous one."""
    now = timezone.now()
    moments = [now - timedelta(seconds=MANY - number) for number in numbers]
    invited = [somebody(scim, f"invited{number}", state="invited") for number in numbers]
    inactive = [
        somebody(scim, f"inactive{number}", state="inactive", deactivated_at=at)
        for number, at in zip(numbers, moments, strict=True)
    ]
    store(Person, iter([*invited, *inactive]))
    invites = [
        Invite(
            tenant_id=scim.tenant_id,
            person=one,
            source=Invite.Source.SCIM,
            created_at=at,
            expires_at=now + timedelta(days=90),
        )
        for one, at in zip(invited, moments, strict=True)
    ]
    store(Invite, iter(invites))
    store(Mail, (mail_of(one) for one in invites))
    store(SyncError, (error_of(scim, f"error{one.pk}", one.created_at) for one in invites))


def multiply_everything() -> None:
    of_copies = {"id": copied("id"), "person_id": copied("person_id")}
    multiply(
        Person.objects.exclude(state=Person.State.ACTIVE),
        COPIES,
        id=copied("id"),
        email="n || '.' || t.email",
        email_key="n || '.' || t.email_key",
    )
    multiply(Mail.objects.all(), COPIES, **of_copies, invite_id=copied("invite_id"))
    multiply(Invite.objects.all(), COPIES, **of_copies)
    multiply(SyncError.objects.all(), COPIES, user_name_key="n || '.' || t.user_name_key")
    analyse()


def store(model: Any, rows: Iterator[Any]) -> None:
    model.objects.bulk_create(rows, batch_size=2000)


def somebody(scim: Connection, name: str, **fields: Any) -> Person:
    return Person(
        tenant_id=scim.tenant_id,
        given_name=name,
        family_name="Lovelace",
        email=f"{name}@example.com",
        email_key=f"{name}@example.com",
        role_source="command:make",
        role_assigned_at=timezone.now(),
        **fields,
    )


def mail_of(invite: Invite) -> Mail:
    at = invite.created_at
    return Mail(
        tenant_id=invite.tenant_id,
        kind=Mail.Kind.INVITE,
        person=invite.person,
        to=invite.person.email,
        invite=invite,
        created_at=at,
        due_at=at,
        sent_at=at,
    )


def error_of(scim: Connection, name: str, at: datetime) -> SyncError:
    return SyncError(
        tenant_id=scim.tenant_id,
        connection=scim,
        reason=SyncError.Reason.INVALID_ROLE_ASSIGNMENT,
        message="User is not eligible to receive assigned role",
        user_name=name,
        user_name_key=name,
        happened_at=at,
    )
