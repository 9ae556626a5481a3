"""Finds departments and locations by name, in any case, and creates missing ones.

`save_new_places` stores new ones after all checks of the person, so that a refused request does
not leave new places behind.
"""

from typing import Final, TypeVar

from people.db import prepared_statements, row_json
from people.db.prepared_statements import PreparedQuery
from people.models import Department, Entity, Location, Person, Tenant
from people.values import PeopleError, normalize_key

Place = TypeVar("Place", Department, Location)
DEPARTMENT_WIDTH: Final = len(Department._meta.concrete_fields)
LOCATION_WIDTH: Final = len(Location._meta.concrete_fields)
# Joined to one empty row, so that the result is always one row, with NULLs for missing places.
PLACES_SQL: Final = (
    f"SELECT {row_json.columns(Department, 'd')}, {row_json.columns(Location, 'l')} "  # noqa: S608
    "FROM (SELECT) one "
    "LEFT JOIN people_department d ON d.tenant_id = %s AND d.name_key = %s "
    "LEFT JOIN people_location l ON l.tenant_id = %s AND l.name_key = %s"
)


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
    if prepared_statements.available():
        row = prepared_statements.fetch(places_query(department, location, tenant_id))
        assert row, "the LEFT JOINs return one row, with NULLs for missing places"
        old_department = row_json.from_row(Department, row[:DEPARTMENT_WIDTH])
        old_location = row_json.from_row(Location, row[DEPARTMENT_WIDTH:])
        found_department = old_department if old_department.pk else None
        found_location = old_location if old_location.pk else None
    else:
        departments = Department.objects.filter(name_key=normalize_key(department))
        locations = Location.objects.filter(name_key=normalize_key(location))
        found_department, found_location = departments.first(), locations.first()
    if department and not found_department:
        key = normalize_key(department)
        found_department = Department(tenant_id=tenant_id, name_key=key, name=department)
    if location and not found_location:
        entity = Tenant.objects.select_related("default_entity").get(pk=tenant_id).default_entity
        assert entity, "create_tenant gives every tenant one"
        key = normalize_key(location)
        found_location = Location(tenant_id=tenant_id, name_key=key, name=location, entity=entity)
    return found_department, found_location


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


def places_query(department: str, location: str, tenant_id: int) -> PreparedQuery:
    """Return the query for the places with these names, to prefetch it."""
    keys = (tenant_id, normalize_key(department), tenant_id, normalize_key(location))
    return PreparedQuery(PLACES_SQL, keys, DEPARTMENT_WIDTH + LOCATION_WIDTH)


def check_move(person: Person, location: Location | None) -> None:
    """Check that the person's cards keep their currency.

    :raises InvalidLocationChange: if the new location's entity issues another currency.
    """
    if person.location and location and person.location.entity.currency != location.entity.currency:
        raise InvalidLocationChange
