"""Who may be whose manager."""

from people.models import Person
from people.operations.locks import Guarded, hold
from people.values import PeopleError


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
    """See that the manager may have this report; holds the organisation chart for that.

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
    hold(Guarded.ORGANISATION_CHART, person.tenant_id)
    _check_circle(person, manager)


def may_manage(person: Person) -> bool:
    """Tell whether the person may be anybody's manager; the inactive remain managers."""
    return person.state != Person.State.TERMINATED and person.role != Person.Role.GUEST


def _check_circle(person: Person, manager: Person) -> None:
    above = Person.objects.values_list("manager_id", flat=True).get(pk=manager.pk)
    while above:
        if above == person.pk:
            raise CircularManager
        above = Person.objects.values_list("manager_id", flat=True).get(pk=above)
