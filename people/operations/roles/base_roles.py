"""Which role somebody may get, and whose role nobody may take."""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from people import events
from people.models import Event, Grant, Person, Role
from people.operations import ranks
from people.operations.locks import LockName, acquire_lock, lock
from people.operations.roles.withheld_roles import forget_withheld, key_of
from people.values import Actor, PeopleError


class InvalidRole(PeopleError):
    code = "invalid-role-assignment"
    field = "role"

    def __init__(self) -> None:
        super().__init__("User is not eligible to receive assigned role")


class LastOwner(PeopleError):
    code = "last-owner"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is the last active Owner. Make another person Owner first."
        )


class LastAdministrator(PeopleError):
    code = "last-administrator"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} is the last administrator of this company. Give another person "
            "the role Owner, Admin or IT Admin first."
        )


def check_role(person: Person, role: str) -> None:
    """See that the person may get the role.

    :raises InvalidRole: if there is no such role, or a guest is to be made of an employee.
    """
    if role not in Person.Role:
        raise InvalidRole
    if role == Person.Role.GUEST and not person._state.adding:
        raise InvalidRole


def check_not_last_admin(
    person: Person, *, role: str | None = None, actor: Actor | None = None
) -> None:
    """See that the tenant keeps an Owner and an administrator without this person.

    Pass the role they would have from now on; without one they would be gone altogether.
    Holds the administrators, so that two of them cannot remove each other. The rank of the
    actor is checked again then, because somebody may have demoted them while they waited.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises LastOwner: if nobody else is an active Owner.
    :raises LastAdministrator: if nobody else could administer the tenant.
    """
    if not _is_administering(person):
        return
    acquire_lock(LockName.ADMINISTRATORS, person.tenant_id)
    if actor:
        ranks.check_rank_over(actor, person)
    others = Person.objects.exclude(pk=person.pk)
    check_admins_remain(
        person,
        role,
        has_owner=others.active_owners().exists,
        has_administrator=others.active_administrators().exists,
    )


def check_admins_remain(
    person: Person,
    role: str | None,
    *,
    has_owner: Callable[[], bool],
    has_administrator: Callable[[], bool],
) -> None:
    """See the same, with what tells whether there is anybody else.

    :raises LastOwner, LastAdministrator: as `check_not_last_admin`.
    """
    if not _is_administering(person):
        return
    leaves_owners = person.role == Person.Role.OWNER and role != Person.Role.OWNER
    if leaves_owners and not has_owner():
        raise LastOwner(person)
    if role not in Person.ADMINISTERING and not has_administrator():
        raise LastAdministrator(person)


def _is_administering(person: Person) -> bool:
    return person.state == Person.State.ACTIVE and person.is_administrator


def is_privileged(person: Person) -> bool:
    """Tell whether the person administers the tenant, or holds a role that is marked elevated."""
    elevated = Grant.objects.filter(person=person, role__is_elevated=True)
    return person.is_administrator or elevated.exists()


def holds_elevated() -> Exists:
    """Return whether a person of a query holds a role that is marked so, as an annotation."""
    return Exists(Grant.objects.filter(person=OuterRef("pk"), role__is_elevated=True))


@transaction.atomic
def grant_role(person: Person, role: Role, *, actor: Actor) -> bool:
    """Give the person a role of the tenant's, and tell whether this source had not yet.

    Said again, it is confirmed.

    :raises PersonAboveRank, RoleAboveRank: if the actor may not do that.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    ranks.check_may_grant(actor, role)
    if key_of(role) in person.withheld_roles:
        forget_withheld(person, role)
        person.save(update_fields=["withheld_roles"])
    now = timezone.now()
    grant, is_new = Grant.objects.get_or_create(
        person=person,
        role=role,
        source=str(actor),
        defaults={"tenant_id": person.tenant_id, "since": now, "confirmed_at": now},
    )
    if not is_new:
        grant.confirmed_at = now
        grant.save(update_fields=["confirmed_at"])
        return False
    events.record(Event.Kind.ROLE_GRANTED, person, actor=actor, role=role.name)
    return True


@transaction.atomic
def withdraw_grant(grant: Grant, *, actor: Actor) -> None:
    """Take back what one source gave; from another one the person may still have the role.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(grant.person)
    ranks.check_rank_over(actor, grant.person)
    grant.delete()
    events.record(
        Event.Kind.ROLE_WITHDRAWN,
        grant.person,
        actor=actor,
        role=grant.role_name,
        source=grant.source,
    )
