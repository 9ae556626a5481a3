"""Rules about who may be whose manager."""

from uuid import UUID

from django.db import connection

from people.models import Person
from people.operations.locks import LockName, acquire_lock
from people.values import PeopleError

# UNION drops duplicate rows, so the recursion ends even if the reporting lines form a circle.
STATE_AND_CHAIN_SQL = """
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
    :raises InvalidManager: if the manager is terminated, a guest, or of another tenant.
    :raises CircularManager: if the manager reports to the person, directly or indirectly.
    """
    if manager is None:
        return
    if manager == person:
        raise SelfManager
    if not may_manage(manager) or manager.tenant_id != person.tenant_id:
        raise InvalidManager
    if person._state.adding:
        # Nobody reports to a new person, so there can be no circle.
        return
    # Two concurrent changes could each be valid, and form a circle together.
    acquire_lock(LockName.ORGANIZATION_CHART, person.tenant_id)
    state, is_below = _state_and_chain(person, manager)
    if state == Person.State.TERMINATED:
        # The manager was terminated while this transaction waited for the lock.
        raise InvalidManager
    if is_below:
        raise CircularManager


def may_manage(person: Person) -> bool:
    """Tell whether the person may have reports. Inactive people remain managers."""
    return person.state != Person.State.TERMINATED and person.role != Person.Role.GUEST


def chain_above(person_id: UUID) -> list[UUID]:
    """Return the ids of the person, their manager, the manager's manager and so on."""
    chain: list[UUID] = []
    current: UUID | None = person_id
    while current is not None and current not in chain:
        chain.append(current)
        people = Person.objects.filter(pk=current)
        current = people.values_list("manager_id", flat=True).first()
    return chain


def is_above(person: Person, other: Person) -> bool:
    """Tell whether the other reports to the person, directly or indirectly."""
    _, is_below = _state_and_chain(person, other)
    return is_below


def _state_and_chain(person: Person, other: Person) -> tuple[str, bool]:
    """Return the other's current state, and whether they report to the person."""
    # Raw SQL needs the key as it is stored: SQLite stores a UUID as text without hyphens.
    get_key = Person._meta.pk.get_db_prep_value
    other_key, key = (get_key(one.pk, connection) for one in (other, person))
    with connection.cursor() as cursor:
        cursor.execute(STATE_AND_CHAIN_SQL, [other_key, key, other_key])
        state, is_below = cursor.fetchone()
    return state, bool(is_below)
