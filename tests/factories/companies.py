"""Whole companies that a connection owns, as the rows that pushing everybody would leave."""

from collections.abc import Iterator

from django.db import connection as database

from people import tenancy
from people.models import Department, Location, Person
from scim.api.adapters import UserAdapter
from scim.models import Connection, ScimUser
from scim.rfc.normalize import normalize
from scim.rfc.resource_types import USER
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.core import number

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
OPERATIONS_A_REQUEST = 500


def staff(connection: Connection, count: int, *, state: str = "active") -> list[ScimUser]:
    """Make so many people of that state, all owned by the connection; return their resources."""
    names = [f"s{number()}" for _ in range(count)]
    department = Department.objects.filter(name="Research").first() or core.department("Research")
    location = Location.objects.filter(name="London").first() or core.location("London")
    people = [_person(connection, who, state, department, location) for who in names]
    Person.objects.bulk_create(people)
    users = [_user(connection, person, who) for person, who in zip(people, names, strict=True)]
    stored = ScimUser.objects.bulk_create(users)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    return stored


def deactivate(scim: Provider, users: list[ScimUser]) -> None:
    """Have the provider deactivate them, as it does it for many."""
    for start in range(0, len(users), OPERATIONS_A_REQUEST):
        operations = [
            {
                "method": "PATCH",
                "path": f"/Users/{user.scim_id}",
                "data": {"Operations": [{"op": "replace", "value": {"active": False}}]},
            }
            for user in users[start : start + OPERATIONS_A_REQUEST]
        ]
        answer = scim("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations})
        assert {one["status"] for one in answer.body["Operations"]} == {"200"}, answer.content


def people_of(users: list[ScimUser]) -> Iterator[Person]:
    yield from Person.objects.filter(pk__in=[user.person_id for user in users])


def _person(
    connection: Connection, who: str, state: str, department: Department, location: Location
) -> Person:
    document = someone(who)
    now, owner = connection.created_at, str(connection.actor)
    owned = ("given_name", "family_name", "email", "department", "location")
    return Person(
        tenant_id=tenancy.current_id(),
        given_name=document["name"]["givenName"],
        family_name=document["name"]["familyName"],
        email=document["userName"],
        email_key=document["userName"],
        department=department,
        location=location,
        state=state,
        joined_at=now if state == "active" else None,
        role_source=owner,
        role_assigned_at=now,
        managed_fields={name: {"by": owner, "since": now.isoformat()} for name in owned},
        password="!",
    )


def _user(connection: Connection, person: Person, who: str) -> ScimUser:
    user = ScimUser(
        tenant_id=connection.tenant_id,
        connection=connection,
        person=person,
        created_at=connection.created_at,
        modified_at=connection.created_at,
        version=1,
        active=True,
    )
    adapter = UserAdapter(user)
    adapter.from_dict(normalize(someone(who), USER))
    adapter.render()
    return user
