"""Rules about base roles, and manual grants of custom roles."""

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
    """Check that the person may get the role.

    :raises InvalidRole: if there is no such role, or if an existing person would become a Guest.
    """
    if role not in Person.Role:
        raise InvalidRole
    # A product rule: a person is a Guest from the beginning, and cannot become one later.
    if role == Person.Role.GUEST and not person._state.adding:
        raise InvalidRole


def check_not_last_admin(
    person: Person, *, role: str | None = None, actor: Actor | None = None
) -> None:
    """Check that the tenant keeps an Owner and an administrator without this person.

    `role` is the new role of the person; None means that they lose access. The administrators
    are locked, so that two of them cannot remove each other at the same time. After waiting for
    the lock, the actor's rank is checked again, because it may have changed meanwhile.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises LastOwner: if nobody else is an active Owner.
    :raises LastAdministrator: if nobody else could administer the tenant.
    """
    # Most people administer nothing, and changes of them need no lock.
    if person.state != Person.State.ACTIVE or not person.is_administrator:
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
    """Like `check_not_last_admin`, without locks and with the queries passed in, for previews.

    :raises LastOwner, LastAdministrator: as `check_not_last_admin`.
    """
    if person.state != Person.State.ACTIVE or not person.is_administrator:
        return
    leaves_owners = person.role == Person.Role.OWNER and role != Person.Role.OWNER
    if leaves_owners and not has_owner():
        raise LastOwner(person)
    if role not in Person.ADMINISTERING and not has_administrator():
        raise LastAdministrator(person)


def is_privileged(person: Person) -> bool:
    """Tell whether the person is an administrator or holds an elevated custom role."""
    elevated = Grant.objects.filter(person=person, role__is_elevated=True)
    return person.is_administrator or elevated.exists()


def holds_elevated() -> Exists:
    """Return an annotation that tells whether a person holds an elevated custom role."""
    return Exists(Grant.objects.filter(person=OuterRef("pk"), role__is_elevated=True))


@transaction.atomic
def grant_role(person: Person, role: Role, *, actor: Actor) -> bool:
    """Grant the person a custom role; return False if the actor had granted it already.

    Another grant by the same actor only updates `confirmed_at`.

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
    person.save(update_fields=["changed_at"])
    events.record(Event.Kind.ROLE_GRANTED, person, actor=actor, role=role.name)
    return True


@transaction.atomic
def withdraw_grant(grant: Grant, *, actor: Actor) -> None:
    """Withdraw one grant. The person keeps the role if another source grants it too.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(grant.person)
    ranks.check_rank_over(actor, grant.person)
    grant.delete()
    grant.person.save(update_fields=["changed_at"])
    events.record(
        Event.Kind.ROLE_REMOVED,
        grant.person,
        actor=actor,
        role=grant.role_name,
        source=grant.source,
    )
