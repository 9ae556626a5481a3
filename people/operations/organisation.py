"""Departments and locations by name: found in any case, created when new."""

from functools import cache
from typing import TypeVar

from people import fixed_sql, row_sql
from people.models import Department, Location, Person, Tenant
from people.values import PeopleError, fold

Place = TypeVar("Place", Department, Location)


class InvalidLocationChange(PeopleError):
    code = "invalid-location-change"
    field = "location"

    def __init__(self) -> None:
        super().__init__(
            "Location cannot be assigned to an entity using a different issuing currency"
        )


def department_named(name: str, *, tenant_id: int) -> Department | None:
    """Return the department, made if it is new; nobody's name is no department."""
    if not name:
        return None
    known = _named(Department, name, tenant_id)
    if known:
        return known
    fixed_sql.store_at_once()
    department, _ = Department.objects.get_or_create(
        tenant_id=tenant_id, name_key=fold(name), defaults={"name": name}
    )
    return department


def location_named(name: str, *, tenant_id: int) -> Location | None:
    """Return the location, made under the tenant's default entity if it is new."""
    if not name:
        return None
    known = _named(Location, name, tenant_id)
    if known:
        return known
    fixed_sql.store_at_once()
    tenant = Tenant.objects.select_related("default_entity").get(pk=tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    location, _ = Location.objects.get_or_create(
        tenant_id=tenant_id,
        name_key=fold(name),
        defaults={"name": name, "entity": tenant.default_entity},
    )
    return location


def _named(model: type[Place], name: str, tenant_id: int) -> Place | None:
    if not fixed_sql.available():
        return model.objects.filter(name_key=fold(name)).first()
    row = fixed_sql.one(_by_name(model), [tenant_id, fold(name)])
    return row_sql.loaded(model, row) if row else None


@cache
def _by_name(model: type[Place]) -> str:
    held, table = row_sql.columns(model, "x"), model._meta.db_table
    return f"SELECT {held} FROM {table} x WHERE x.tenant_id = %s AND x.name_key = %s"  # noqa: S608


def check_move(person: Person, location: Location | None) -> None:
    """See that the person's cards would keep their currency.

    :raises InvalidLocationChange: if the new location's entity issues in another one.
    """
    if person.location and location and person.location.entity.currency != location.entity.currency:
        raise InvalidLocationChange
