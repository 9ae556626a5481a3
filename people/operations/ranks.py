"""Ranks decide whom an actor may change, and which roles they may grant.

Owner > Admin = IT Admin = holder of an elevated custom role > everybody else. Nobody changes a
person above their own rank, and nobody grants a role above it. Every operation that changes a
person for an actor calls these checks, after it has locked the person.
"""

import logging
from enum import IntEnum
from typing import ClassVar

from django.core.exceptions import PermissionDenied

from people.models import Grant, Person, Role
from people.values import Actor

log = logging.getLogger(__name__)

AnyRole = Role | str
# Ranks do not apply to operators, their commands, and jobs. Connections and sign-in providers have
# rules of their own (see scim.sync.policies and operations.roles.group_mappings).
EXEMPT_ACTORS = frozenset({"command", "operator", "job", "scim", "oidc", "ldap", "windows"})


class Rank(IntEnum):
    EVERYBODY = 0
    ADMINISTRATOR = 1
    OWNER = 2


class RankRefused(PermissionDenied):
    """The actor's rank does not allow the change.

    It is not a PeopleError, which pages show beside a field, because it ends the request with 403.
    """

    code: ClassVar[str]


class PersonAboveRank(RankRefused):
    code = "person-above-rank"

    def __init__(self, person: Person) -> None:
        is_owner = person.role == Person.Role.OWNER
        who = "an Owner" if is_owner else "an Owner, an Admin or an IT Admin"
        why = "holds an elevated role"
        if person.is_administrator:
            why = f"is an {person.get_role_display()}"
        super().__init__(f"{person.full_name} {why}, so only {who} can change this account.")


class RoleAboveRank(RankRefused):
    code = "role-above-rank"

    def __init__(self, role: AnyRole) -> None:
        granters = "an Owner, Admin or IT Admin"
        if role in (Person.Role.OWNER, Person.Role.ADMIN):
            granters = "an Owner" if role == Person.Role.OWNER else "an Owner or an Admin"
        super().__init__(
            f"You cannot grant or remove a role above your own, such as {name_of(role)}. Ask "
            f"{granters}."
        )


class OwnerNeeded(RankRefused):
    code = "owner-needed"

    def __init__(self) -> None:
        super().__init__("Only an Owner can do this, with their own password.")


class OwnersOnly(RankRefused):
    code = "owners-only"

    def __init__(self) -> None:
        super().__init__("Only an Owner can export or erase personal data. Ask an Owner.")


def rank_of(person: Person) -> Rank:
    """Return the person's rank, from their base role and the elevated roles they hold."""
    base = rank_of_role(person.role)
    if base or person._state.adding:
        return base
    is_elevated = Grant.objects.filter(person=person.pk, role__is_elevated=True).exists()
    return Rank.ADMINISTRATOR if is_elevated else Rank.EVERYBODY


def rank_of_role(role: AnyRole) -> Rank:
    """Return the rank that the role gives to its holder."""
    if isinstance(role, Role):
        return Rank.ADMINISTRATOR if role.is_elevated else Rank.EVERYBODY
    if role == Person.Role.OWNER:
        return Rank.OWNER
    return Rank.ADMINISTRATOR if role in Person.ADMINISTERING else Rank.EVERYBODY


def check_rank_over(actor: Actor, person: Person) -> None:
    """Check that the person is not above the actor's rank.

    An actor who is unknown or may not sign in has the lowest rank.

    :raises PersonAboveRank: if the person is above it.
    """
    if actor.kind not in EXEMPT_ACTORS and not _is_up_to(_acting(actor), person):
        raise _logged(PersonAboveRank(person), actor)


def check_may_grant(actor: Actor, role: AnyRole) -> None:
    """Check that the actor may grant the role, directly or by a group mapping.

    :raises RoleAboveRank: if the role is above their rank. IT Admins cannot grant Admin either,
        although both have the same rank.
    """
    if actor.kind in EXEMPT_ACTORS or not rank_of_role(role):
        return
    if not _may_grant(_acting(actor), role):
        raise _logged(RoleAboveRank(role), actor)


def check_is_owner(actor: Actor) -> None:
    """Check that the actor is an Owner.

    :raises OwnerNeeded: if they are not.
    """
    acting = _acting(actor)
    if acting is None or acting.role != Person.Role.OWNER:
        raise _logged(OwnerNeeded(), actor)


def check_handles_personal_data(actor: Actor) -> None:
    """Check that the actor is an Owner, or an operator with a command.

    :raises OwnersOnly: if they are neither.
    """
    if actor.kind in EXEMPT_ACTORS:
        return
    acting = _acting(actor)
    if acting is None or acting.role != Person.Role.OWNER:
        raise _logged(OwnersOnly(), actor)


def refusal_over(viewer: Person, person: Person) -> str:
    """Return why the viewer may not change the person, for pages; blank if they may."""
    return "" if _is_up_to(viewer, person) else str(PersonAboveRank(person))


def may_grant(viewer: Person, role: AnyRole) -> bool:
    """Tell whether the viewer may grant the role, for pages; see `check_may_grant`."""
    return not rank_of_role(role) or _may_grant(viewer, role)


def name_of(role: AnyRole) -> str:
    return role.name if isinstance(role, Role) else Person.Role(role).label


def _acting(actor: Actor) -> Person | None:
    """Return the current row of the acting person, or None if they may not sign in."""
    if actor.kind != "person":
        return None
    people = Person.objects.filter(state__in=(Person.State.INVITED, Person.State.ACTIVE))
    by = {"pk": actor.person_id} if actor.person_id else {"email_key": actor.key}
    acting: Person | None = people.filter(**by).first()
    return acting


def _is_up_to(acting: Person | None, person: Person) -> bool:
    """Tell whether the person is not above the acting person's rank."""
    # Skips the queries for grants where the base roles decide already.
    base = rank_of_role(acting.role) if acting else Rank.EVERYBODY
    if base >= max(rank_of_role(person.role), Rank.ADMINISTRATOR):
        return True
    return (rank_of(acting) if acting else Rank.EVERYBODY) >= rank_of(person)


def _may_grant(acting: Person | None, role: AnyRole) -> bool:
    if acting is None:
        return False
    if role == Person.Role.ADMIN:
        return acting.role in (Person.Role.OWNER, Person.Role.ADMIN)
    return rank_of(acting) >= rank_of_role(role)


def _logged(refused: RankRefused, actor: Actor) -> RankRefused:
    log.warning("Refused to %s: %s %s", actor, refused.code, refused)
    return refused
