"""Departments and locations by name: found in any case, created when new.

New ones are stored by `settle`, once nothing refuses whoever is to be there: what is refused
leaves no place behind.
"""

from functools import cache
from typing import TypeVar

from people import fixed_sql, row_sql
from people.models import Department, Entity, Location, Person, Tenant
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
    """Return the department, not stored yet if it is new; nobody's name is no department."""
    if not name:
        return None
    new = Department(tenant_id=tenant_id, name_key=fold(name), name=name)
    return _named(Department, name, tenant_id) or new


def location_named(name: str, *, tenant_id: int) -> Location | None:
    """Return the location; a new one, under the tenant's default entity, is not stored yet."""
    if not name:
        return None
    known = _named(Location, name, tenant_id)
    if known:
        return known
    tenant = Tenant.objects.select_related("default_entity").get(pk=tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    return Location(
        tenant_id=tenant_id, name_key=fold(name), name=name, entity=tenant.default_entity
    )


def settle(person: Person) -> None:
    """Store the person's places that are new."""
    if person.department and person.department._state.adding:
        person.department = _stored(person.department)
    if person.location and person.location._state.adding:
        person.location = _stored(person.location, entity=person.location.entity)


def _stored(place: Place, **more: Entity) -> Place:
    fixed_sql.store_at_once()
    stored, _ = type(place).objects.get_or_create(
        tenant_id=place.tenant_id, name_key=place.name_key, defaults={"name": place.name, **more}
    )
    return stored


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
