"""Finds departments and locations by name, in any case, and creates missing ones.

`save_new_places` stores new ones after all checks of the person, so that a refused request does
not leave new places behind.
"""

from functools import cache
from typing import TypeVar

from people.db import prepared_statements, row_json
from people.db.prepared_statements import PreparedQuery
from people.models import Department, Entity, Location, Person, Tenant
from people.values import PeopleError, normalize_key

Place = TypeVar("Place", Department, Location)


class InvalidLocationChange(PeopleError):
    code = "invalid-location-change"
    field = "location"

    def __init__(self) -> None:
        super().__init__(
            "Location cannot be assigned to an entity using a different issuing currency"
        )


def places_named(
    department: str, location: str, *, tenant_id: int
) -> tuple[Department | None, Location | None]:
    """Return both; new ones are not stored yet. A blank name means no place.

    A new location belongs to the tenant's default entity.
    """
    known = _known(department, location, tenant_id)
    return (
        known[0] or (_new_department(department, tenant_id) if department else None),
        known[1] or (_new_location(location, tenant_id) if location else None),
    )


def _new_department(name: str, tenant_id: int) -> Department:
    return Department(tenant_id=tenant_id, name_key=normalize_key(name), name=name)


def _new_location(name: str, tenant_id: int) -> Location:
    tenant = Tenant.objects.select_related("default_entity").get(pk=tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    return Location(
        tenant_id=tenant_id, name_key=normalize_key(name), name=name, entity=tenant.default_entity
    )


def save_new_places(person: Person) -> None:
    """Store the department and location of the person if they are new."""
    if person.department and person.department._state.adding:
        person.department = _stored(person.department)
    if person.location and person.location._state.adding:
        person.location = _stored(person.location, entity=person.location.entity)


def _stored(place: Place, **more: Entity) -> Place:
    stored, _ = type(place).objects.get_or_create(
        tenant_id=place.tenant_id, name_key=place.name_key, defaults={"name": place.name, **more}
    )
    return stored


def _known(
    department: str, location: str, tenant_id: int
) -> tuple[Department | None, Location | None]:
    keys = normalize_key(department), normalize_key(location)
    if not prepared_statements.available():
        return (
            Department.objects.filter(name_key=keys[0]).first(),
            Location.objects.filter(name_key=keys[1]).first(),
        )
    row = prepared_statements.fetch(places_query(department, location, tenant_id))
    assert row, "the LEFT JOINs return one row, with NULLs for missing places"
    width = len(Department._meta.concrete_fields)
    found = row_json.from_row(Department, row[:width]), row_json.from_row(Location, row[width:])
    return (found[0] if found[0].pk else None), (found[1] if found[1].pk else None)


def places_query(department: str, location: str, tenant_id: int) -> PreparedQuery:
    """Return the query for the places with these names, to prefetch it."""
    keys = (tenant_id, normalize_key(department), tenant_id, normalize_key(location))
    width = sum(len(model._meta.concrete_fields) for model in (Department, Location))
    return PreparedQuery(_by_name(), keys, width)


@cache
def _by_name() -> str:
    columns = f"{row_json.columns(Department, 'd')}, {row_json.columns(Location, 'l')}"
    return (
        f"SELECT {columns} FROM (SELECT) one "  # noqa: S608
        "LEFT JOIN people_department d ON d.tenant_id = %s AND d.name_key = %s "
        "LEFT JOIN people_location l ON l.tenant_id = %s AND l.name_key = %s"
    )


def check_move(person: Person, location: Location | None) -> None:
    """Check that the person's cards keep their currency.

    :raises InvalidLocationChange: if the new location's entity issues another currency.
    """
    if person.location and location and person.location.entity.currency != location.entity.currency:
        raise InvalidLocationChange
