"""Roles that come from groups of an identity provider, by mappings.

What a provider's mappings give goes when its source goes; what somebody gave by hand, or
another source did, stays. The base role is the highest of the person's own and of those
that mappings bring; their own is kept aside meanwhile and comes back.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from people import events
from people.models import Event, Grant, Person, Role
from people.operations.description import difference, snapshot
from people.operations.locks import lock
from people.operations.roles import check_not_needed
from people.values import VIA_MAPPING, Actor, PeopleError
from people.writes import Write

# From the least on. A mapping makes nobody a Guest: that is decided when they are added.
RANKS: Final = (
    Person.Role.GUEST,
    Person.Role.CARDHOLDER,
    Person.Role.BOOKKEEPER,
    Person.Role.IT_ADMIN,
    Person.Role.ADMIN,
    Person.Role.OWNER,
)


class NotMappable(PeopleError):
    code = "role-not-mappable"
    field = "role"

    def __init__(self) -> None:
        super().__init__(
            "A group cannot bring this role. Choose Owner, Admin, Cardholder, Bookkeeper, "
            "IT Admin, or a role that your company defines."
        )


class RoleAboveOwn(PeopleError):
    code = "role-above-own"
    field = "role"

    def __init__(self, role: str) -> None:
        super().__init__(
            f"Nobody gives away more than they have, so you cannot have a group bring the role "
            f"{role}. Ask an Owner to do it."
        )


class OwnerNotMeant(PeopleError):
    code = "owner-not-meant"
    field = "is_owner_meant"

    def __init__(self) -> None:
        super().__init__(
            "Whoever is put into this group would own the company. Tick that you mean it."
        )


class RoleOwned(PeopleError):
    code = "role-owned"
    field = "role"

    def __init__(self, person: Person, grant: Grant) -> None:
        provider = person.owned_fields["role"]["by"].partition(":")[2]
        super().__init__(
            f"The SCIM connection ({provider}) says which base role {person.full_name} has, so "
            f"{grant.role_name} is not given for {grant.because}. Change the role there."
        )


@dataclass(frozen=True)
class MappedRole:
    """A role that a mapping gives: a base role, or one of the tenant's."""

    role: Role | Person.Role
    # "mapping:…", the same as long as the mapping lives.
    source: str
    because: str


@dataclass
class Followed:
    """What following the mappings did to somebody: names of roles, and what could not be."""

    person: Person
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.problems)


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who maps groups, and the highest base role that they may give away."""

    actor: Actor
    highest: str = Person.Role.OWNER


def check_mappable(role: Role | Person.Role, author: Author, *, is_owner_meant: bool) -> None:
    """See that the author may have a group bring the role.

    :raises NotMappable: if it is Guest, which nobody becomes later on.
    :raises RoleAboveOwn: if it is a base role above the author's own.
    :raises OwnerNotMeant: if it is Owner, and they have not said that they mean it.
    """
    if isinstance(role, Role):
        return
    if role == Person.Role.GUEST:
        raise NotMappable
    if RANKS.index(role) > RANKS.index(Person.Role(author.highest)):
        raise RoleAboveOwn(role.label)
    if role == Person.Role.OWNER and not is_owner_meant:
        raise OwnerNotMeant


@transaction.atomic
def follow_mappings(
    person: Person, mapped: Collection[MappedRole], *, origin: str, actor: Actor
) -> Followed:
    """Give the person what the mappings of one origin say, and take what they no longer say.

    `origin` is how the sources of these mappings begin. Whose role a SCIM connection names
    keeps that base role, and the last administrator stays one; `problems` says so.
    """
    lock(person)
    followed = Followed(person)
    grants = Grant.objects.filter(person=person, source__startswith=origin)
    had = {(one.role or one.base_role, one.source): one for one in grants.select_related("role")}
    wanted = {(one.role, one.source): one for one in mapped}
    for key in had.keys() - wanted.keys():
        _take(had[key], followed, actor=actor)
    for key in wanted.keys() - had.keys():
        _give(person, wanted[key], followed, actor=actor)
    kept = [had[key].pk for key in had.keys() & wanted.keys()]
    Grant.objects.filter(pk__in=kept).update(confirmed_at=timezone.now())
    _settle_base_role(person, followed, actor=actor)
    return followed


@transaction.atomic
def keep_mapped_roles(*, origin: str, because: str, actor: Actor) -> None:
    """Leave what the mappings of one origin gave to hands, for nobody follows them any more.

    Everybody keeps their roles; who may withdraw a role that was given by hand may withdraw
    these. `because` is added to why they were given.
    """
    given, kept_by = Grant.objects.filter(source__startswith=origin), str(actor)
    own_roles = given.filter(role__isnull=False)
    same = Grant.objects.filter(person=OuterRef("person"), role=OuterRef("role"))
    by_hand, twice = Q(source=kept_by), Q(source__startswith=origin, pk__lt=OuterRef("pk"))
    own_roles.filter(Exists(same.filter(by_hand | twice))).delete()
    why = Left(Concat("because", Value(f", {because}")), Grant.LONGEST_REASON)
    own_roles.update(source=kept_by, because=why)
    raised = Person.objects.filter(role_source__startswith=origin)
    # What they had of their own is past, as when somebody gives them another role.
    Grant.objects.filter(person__in=raised, role=None).delete()
    raised.update(role_source=kept_by)
    given.delete()


def _give(person: Person, mapped: MappedRole, followed: Followed, *, actor: Actor) -> None:
    now = timezone.now()
    role = mapped.role
    grant = Grant.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        role=role if isinstance(role, Role) else None,
        base_role="" if isinstance(role, Role) else role,
        source=mapped.source,
        because=mapped.because,
        since=now,
        confirmed_at=now,
    )
    if grant.role:
        followed.gained.append(grant.role_name)
    events.record(
        Event.Kind.ROLE_GRANTED,
        person,
        actor=actor,
        role=grant.role_name,
        source=grant.source,
        because=grant.because,
    )


def _take(grant: Grant, followed: Followed, *, actor: Actor) -> None:
    if grant.role:
        followed.lost.append(grant.role_name)
    events.record(
        Event.Kind.ROLE_WITHDRAWN,
        grant.person,
        actor=actor,
        role=grant.role_name,
        source=grant.source,
        because=grant.because,
    )
    grant.delete()


def _settle_base_role(person: Person, followed: Followed, *, actor: Actor) -> None:
    """Give the person the highest base role that anything gives them."""
    bases = list(Grant.objects.filter(person=person, role=None))
    own = next((grant for grant in bases if not grant.is_mapped), None)
    if not person.role_source.startswith(VIA_MAPPING):
        # Somebody decided anew since; what was kept aside is past.
        if own:
            own.delete()
        own = _own_role(person)
    mapped = max((grant for grant in bases if grant.is_mapped), key=_rank, default=None)
    best = mapped if mapped and (own is None or _rank(mapped) > _rank(own)) else own
    if best is None or (best.base_role, best.source) == (person.role, person.role_source):
        return
    try:
        _check_base_role(person, best)
    except PeopleError as error:
        followed.problems.append(str(error))
    else:
        _change_base_role(person, best, own, followed, actor=actor)


def _check_base_role(person: Person, best: Grant) -> None:
    if "role" in person.owned_fields:
        raise RoleOwned(person, best)
    check_not_needed(person, role=best.base_role)


def _own_role(person: Person) -> Grant:
    return Grant(
        tenant_id=person.tenant_id,
        person=person,
        base_role=person.role,
        source=person.role_source,
        since=person.role_since,
        confirmed_at=person.role_since,
    )


def _change_base_role(
    person: Person, best: Grant, own: Grant | None, followed: Followed, *, actor: Actor
) -> None:
    before, was = snapshot(person), Person.Role(person.role)
    person.role, person.role_source = best.base_role, best.source
    person.role_since = timezone.now() if best.is_mapped else best.since
    if own and own._state.adding:
        own.save(force_insert=True)
    elif own and best is own:
        own.delete()
    rises = _rank(best) > RANKS.index(was)
    if rises or best.is_mapped:
        followed.gained.append(best.role_name)
    if not rises:
        followed.lost.append(was.label)
    events.record(
        Event.Kind.PERSON_REVISED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
        storing=Write(person, ("role", "role_source", "role_since", "changed_at")),
    )


def _rank(grant: Grant) -> int:
    return RANKS.index(Person.Role(grant.base_role))
