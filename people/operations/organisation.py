"""Departments and locations by name: found in any case, created when new."""

from people.models import Department, Location, Person, Tenant
from people.values import PeopleError, fold


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
    department, _ = Department.objects.get_or_create(
        tenant_id=tenant_id, name_key=fold(name), defaults={"name": name}
    )
    return department


def location_named(name: str, *, tenant_id: int) -> Location | None:
    """Return the location, made under the tenant's default entity if it is new."""
    if not name:
        return None
    known = Location.objects.select_related("entity").filter(name_key=fold(name)).first()
    if known:
        return known
    tenant = Tenant.objects.select_related("default_entity").get(pk=tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    location, _ = Location.objects.get_or_create(
        tenant_id=tenant_id,
        name_key=fold(name),
        defaults={"name": name, "entity": tenant.default_entity},
    )
    return location


def check_move(person: Person, location: Location | None) -> None:
    """See that the person's cards would keep their currency.

    :raises InvalidLocationChange: if the new location's entity issues in another one.
    """
    if person.location and location and person.location.entity.currency != location.entity.currency:
        raise InvalidLocationChange
