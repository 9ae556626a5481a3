"""Who may be whose manager."""

from uuid import UUID

from django.db import connection

from people.models import Person
from people.operations.locks import LockName, acquire_lock
from people.values import PeopleError

# UNION leaves out what it has seen, so this ends even where the rows hold a circle.
STANDING = """
WITH RECURSIVE above (id) AS (
    SELECT manager_id FROM people_person WHERE id = %s
    UNION
    SELECT person.manager_id FROM people_person person JOIN above ON person.id = above.id
)
SELECT state, EXISTS (SELECT 1 FROM above WHERE id = %s) FROM people_person WHERE id = %s
"""


class SelfManager(PeopleError):
    code = "self-manager"
    field = "manager"

    def __init__(self) -> None:
        super().__init__("Employees can't be assigned as their own manager")


class CircularManager(PeopleError):
    code = "circular-manager"
    field = "manager"

    def __init__(self) -> None:
        super().__init__("Employees can't be assigned as their manager's manager")


class InvalidManager(PeopleError):
    code = "invalid-manager"
    field = "manager"

    def __init__(self) -> None:
        super().__init__("Manager's email is not associated with an eligible profile in Ramp")


def check_manager(person: Person, manager: Person | None) -> None:
    """Check that `manager` may manage `person`, and lock the organization chart.

    :raises SelfManager: if they are the same person.
    :raises InvalidManager: if the manager left for good, is a guest, or is another tenant's.
    :raises CircularManager: if the manager reports to the person, however indirectly.
    """
    if manager is None:
        return
    if manager == person:
        raise SelfManager
    if not may_manage(manager) or manager.tenant_id != person.tenant_id:
        raise InvalidManager
    if person._state.adding:
        return  # Nobody reports to someone new, so there is no circle to close.
    acquire_lock(LockName.ORGANIZATION_CHART, person.tenant_id)
    state, is_below = _standing(person, manager)
    if state == Person.State.TERMINATED:
        raise InvalidManager  # They left while we waited for the chart.
    if is_below:
        raise CircularManager


def may_manage(person: Person) -> bool:
    """Tell whether the person may be anybody's manager; the inactive remain managers."""
    return person.state != Person.State.TERMINATED and person.role != Person.Role.GUEST


def chain_above(person_id: UUID) -> list[UUID]:
    """Return the person, their manager, the manager's manager and so on."""
    chain: list[UUID] = []
    here: UUID | None = person_id
    while here is not None and here not in chain:
        chain.append(here)
        people = Person.objects.filter(pk=here)
        here = people.values_list("manager_id", flat=True).first()
    return chain


def is_above(person: Person, other: Person) -> bool:
    """Tell whether the other reports to the person, however indirectly."""
    _, is_below = _standing(person, other)
    return is_below


def _standing(person: Person, other: Person) -> tuple[str, bool]:
    """Return the state of the other, as it is now, and whether they are below the person."""
    get_key = Person._meta.pk.get_db_prep_value
    other_key, key = (get_key(one.pk, connection) for one in (other, person))
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [other_key, key, other_key])
        state, is_below = cursor.fetchone()
    return state, bool(is_below)
