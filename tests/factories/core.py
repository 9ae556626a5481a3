"""A small cast: typed builders for the rows that a test begins with.

They write rows, not events, so that a test sees only the events of what it tests.
People belong to the tenant in force.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.utils import timezone

from people import tenancy
from people.models import Department, Entity, Location, Person, Tenant
from people.values import normalize_key

_numbers = count(1)


def number() -> int:
    return next(_numbers)


def tenant(**fields: Any) -> Tenant:
    """Make a company whose default entity issues cards in euros."""
    unique = number()
    with tenancy.across_tenants():
        made = Tenant.objects.create(
            **{"slug": f"company-{unique}", "name": f"Company {unique}"} | fields
        )
    with tenancy.use(made):
        made.default_entity = entity()
        made.save(update_fields=["default_entity"])
    return made


@contextmanager
def in_another_tenant() -> Iterator[Tenant]:
    """Put a second company in force until the block ends."""
    another = tenant()
    with tenancy.use(another):
        yield another


def entity(name: str = "Headquarters", currency: str = "EUR") -> Entity:
    return Entity.objects.create(
        tenant_id=tenancy.current_id(), name=name, name_key=normalize_key(name), currency=currency
    )


def department(name: str = "Sales") -> Department:
    return Department.objects.create(
        tenant_id=tenancy.current_id(), name=name, name_key=normalize_key(name)
    )


def location(name: str = "Rome", *, entity: Entity | None = None) -> Location:
    tenant = Tenant.objects.select_related("default_entity").get(pk=tenancy.current_id())
    where = entity or tenant.default_entity
    assert where
    return Location.objects.create(
        tenant=tenant, name=name, name_key=normalize_key(name), entity=where
    )


def person(**fields: Any) -> Person:
    """Make a cardholder who has joined, or whatever the fields say."""
    email = fields.setdefault("email", f"person-{number()}@example.com")
    now = timezone.now()
    usual = {
        "tenant_id": tenancy.current_id(),
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email_key": normalize_key(email),
        "state": Person.State.ACTIVE,
        "role_source": "command:make",
        "role_assigned_at": now,
        "joined_at": None if fields.get("state") == Person.State.INVITED else now,
        "deactivated_at": now if fields.get("state") == Person.State.INACTIVE else None,
        "terminated_at": now if fields.get("state") == Person.State.TERMINATED else None,
    }
    password = fields.pop("password", None)
    made = Person(**usual | fields)
    made.set_password(password)
    made.save(force_insert=True)
    return made


def administrator(**fields: Any) -> Person:
    return person(
        **{"given_name": "Alan", "family_name": "Turing", "role": Person.Role.ADMIN} | fields
    )


def owner(**fields: Any) -> Person:
    return person(
        **{"given_name": "Olga", "family_name": "Owner", "role": Person.Role.OWNER} | fields
    )
