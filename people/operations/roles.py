"""Which role somebody may get, and whose role nobody may take."""

from people.models import Person
from people.operations.locks import Guarded, hold
from people.values import PeopleError


class InvalidRole(PeopleError):
    code = "invalid-role-assignment"
    field = "role"

    def __init__(self) -> None:
        super().__init__("User is not eligible to receive assigned role")


class LastOwner(PeopleError):
    code = "last-owner"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is the last active Owner. Make somebody else Owner first."
        )


class LastAdministrator(PeopleError):
    code = "last-administrator"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is the last person able to administer this company. "
            "Give somebody else the role Owner, Admin or IT Admin first."
        )


def check_role(person: Person, role: str) -> None:
    """See that the person may get the role.

    :raises InvalidRole: if there is no such role, or a guest is to be made of an employee.
    """
    if role not in Person.Role:
        raise InvalidRole
    if role == Person.Role.GUEST and not person._state.adding:
        raise InvalidRole


def check_not_needed(person: Person, *, role: str | None = None) -> None:
    """See that the tenant keeps an Owner and an administrator without this person.

    Pass the role they would have from now on; without one they would be gone altogether.
    Holds the administrators, so that two of them cannot remove each other.

    :raises LastOwner: if nobody else is an active Owner.
    :raises LastAdministrator: if nobody else could administer the tenant.
    """
    if person.state != Person.State.ACTIVE or not person.is_administrator:
        return
    hold(Guarded.ADMINISTRATORS, person.tenant_id)
    others = Person.objects.exclude(pk=person.pk)
    leaves_owners = person.role == Person.Role.OWNER and role != Person.Role.OWNER
    if leaves_owners and not others.active_owners().exists():
        raise LastOwner(person)
    leaves_administrators = role not in Person.ADMINISTERING
    if leaves_administrators and not others.active_administrators().exists():
        raise LastAdministrator(person)
