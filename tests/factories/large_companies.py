"""Thousands of people of a connection, and of its requests, as rows."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection as database
from django.db.models import QuerySet
from django.utils import timezone

from people.models import Invite, Person
from scim.models import Connection, RequestLog, ScimUser
from tests.factories.core import number

DOCUMENT = {"userName": "x", "active": True, "name": {"givenName": "A", "familyName": "B"}}


def crowd(connection: Connection, count: int) -> None:
    """Add people of every state, with their resources, invites and requests of the last day."""
    now, tenant_id, first = timezone.now(), connection.tenant_id, number() * 1_000_000
    names = [f"p{first + one}@example.com" for one in range(count)]
    people = [
        _person(tenant_id, name, one, str(connection.actor)) for one, name in enumerate(names)
    ]
    Person.objects.bulk_create(people, batch_size=5000)
    users = [
        ScimUser(
            tenant_id=tenant_id,
            connection=connection,
            person=person,
            document=DOCUMENT,
            rendered="{}",
            scim_username=person.email,
            user_name_key=person.email,
            email_key=person.email,
            created_at=now,
            modified_at=now,
        )
        for person in people
    ]
    ScimUser.objects.bulk_create(users, batch_size=5000)
    Invite.objects.bulk_create(
        (
            Invite(
                tenant_id=tenant_id,
                person=person,
                source=Invite.Source.SCIM,
                created_at=now,
                expires_at=now + timedelta(days=90),
            )
            for person in people
        ),
        batch_size=5000,
    )
    RequestLog.objects.bulk_create(
        (
            RequestLog(
                id=uuid4(),
                tenant_id=tenant_id,
                connection=connection,
                user=user,
                method="PATCH",
                path="/Users/x",
                status=400 if one % 10 == 0 else 200,
                received_at=now - timedelta(minutes=one % 3000),
                milliseconds=1,
            )
            for one, user in enumerate(users)
        ),
        batch_size=5000,
    )
    analyse()


def crowd_of_hundreds(connection: Connection, hundreds: int) -> None:
    """Add a hundred such people, and as many hundreds more by copying them."""
    crowd(connection, 100)
    theirs = Person.objects.filter(scim_users__connection=connection)
    users = ScimUser.objects.filter(connection=connection)
    renamed = "n || '.' || t."
    multiply(
        theirs,
        hundreds - 1,
        id=copied("id"),
        email=f"{renamed}email",
        email_key=f"{renamed}email_key",
    )
    multiply(
        users,
        hundreds - 1,
        scim_id=copied("scim_id"),
        scim_username=f"{renamed}scim_username",
        user_name_key=f"{renamed}user_name_key",
        scim_external_id="''",
        person_id=copied("person_id"),
    )
    invites = Invite.objects.filter(person__in=theirs.filter(pk__in=users.values("person")))
    multiply(invites, hundreds - 1, id=copied("id"), person_id=copied("person_id"))
    requests = RequestLog.objects.filter(connection=connection)
    multiply(requests, hundreds - 1, id=copied("id"))
    analyse()


def analyse() -> None:
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")


def multiply(rows: QuerySet[Any], times: int, **changes: str) -> None:
    """Add so many copies of each row; `changes` are SQL of row t and of the copy's number n.

    A UUID that stands for a row is copied as `copied` says, so that copies refer to copies.
    """
    model = rows.model
    columns = [field.column for field in model._meta.concrete_fields if not field.db_returning]
    values = ", ".join(changes.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    table, key = model._meta.db_table, model._meta.pk.column
    keys = list(rows.values_list("pk", flat=True))
    with database.cursor() as cursor:
        # So many rows may take their time, and so may the check of their references at the end.
        cursor.execute("SET LOCAL statement_timeout TO 0")
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} "  # noqa: S608
            f"FROM {table} t, generate_series(1, %s) n WHERE t.{key} = ANY(%s)",
            [times, keys],
        )


def copied(column: str) -> str:
    return f"md5(t.{column}::text || n)::uuid"


def _person(tenant_id: int, email: str, one: int, actor: str) -> Person:
    now = timezone.now()
    is_out = one % 10 == 0
    return Person(
        tenant_id=tenant_id,
        given_name="Ada",
        family_name="Lovelace",
        email=email,
        email_key=email,
        state=Person.State.INACTIVE if is_out else Person.State.INVITED,
        role_source=actor,
        role_assigned_at=now,
        deactivated_at=now if is_out else None,
        deactivated_by=actor if is_out else "",
        managed_fields={"department": {"by": actor, "since": now.isoformat()}},
        password="!",
    )


def kept(connection: Connection, count: int, **fields: Any) -> list[RequestLog]:
    """Keep requests, each a second older than the one before."""
    usual = {"method": "PATCH", "path": "/Users/x", "status": 200, "milliseconds": 7}
    now = timezone.now()
    rows = [
        RequestLog(
            id=uuid4(),
            tenant_id=connection.tenant_id,
            connection=connection,
            received_at=now - timedelta(seconds=number),
            **usual | fields,
        )
        for number in range(count)
    ]
    made: list[RequestLog] = RequestLog.objects.bulk_create(rows)
    return made
