"""Roles that come from groups of an identity provider, by mappings.

What a provider's mappings give goes when its source goes; what somebody gave by hand, or
another source did, stays. The base role is the highest of the person's own and of those
that mappings bring; their own is kept aside meanwhile and comes back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from people import events
from people.models import Event, Grant, Person, Role
from people.operations import ranks
from people.operations.locks import lock
from people.operations.person_fields import difference, snapshot
from people.operations.roles.base_roles import check_not_last_admin
from people.operations.roles.mapping_rules import Decision, MappedRole, MappingResult, decide
from people.values import Actor, PeopleError


class NotMappable(PeopleError):
    code = "role-not-mappable"
    field = "role"

    def __init__(self) -> None:
        super().__init__(
            "A group cannot grant this role. Choose Owner, Admin, Cardholder, Bookkeeper, IT "
            "Admin or a custom role."
        )


class OwnerNotMeant(PeopleError):
    code = "owner-not-meant"
    field = "is_owner_meant"

    def __init__(self) -> None:
        super().__init__(
            "Members of this group would become Owners. Select the checkbox to confirm."
        )


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who maps groups; their rank says which roles a group may bring by their word."""

    actor: Actor


def check_mappable(role: Role | Person.Role, author: Author, *, is_owner_meant: bool) -> None:
    """See that the author may have a group bring the role.

    :raises RoleAboveRank: if the author may not give the role to anybody.
    :raises NotMappable: if it is Guest, which nobody becomes later on.
    :raises OwnerNotMeant: if it is Owner, and they have not said that they mean it.
    """
    ranks.check_may_grant(author.actor, role)
    if role == Person.Role.GUEST:
        raise NotMappable
    if role == Person.Role.OWNER and not is_owner_meant:
        raise OwnerNotMeant


@transaction.atomic
def apply_mappings(
    person: Person, mapped: Collection[MappedRole], *, origin: str, actor: Actor
) -> MappingResult:
    """Give the person what the mappings of one origin say, and take what they no longer say.

    `origin` is how the sources of these mappings begin. Whose role a SCIM connection names
    keeps that base role, and the last administrator stays one; `problems` says so.
    """
    lock(person)
    if person.state == Person.State.TERMINATED:
        return MappingResult(person)
    decision = decide(
        person, grants_that_count(origin).filter(person=person), mapped, origin=origin, check=_check
    )
    followed = decision.followed
    _carry_out(decision, actor=actor)
    return followed


def grants_that_count(origin: str) -> QuerySet[Grant]:
    """Return the grants, of whomever, that `decide` asks for."""
    counting = Grant.objects.filter(Q(source__startswith=origin) | Q(role=None))
    return counting.select_related("role").order_by("pk")


@transaction.atomic
def detach_mapped_roles(
    *, origin: str, because: str, actor: Actor, people: Collection[UUID] | None = None
) -> None:
    """Leave what the mappings of one origin gave to hands, for nobody follows them any more.

    Everybody keeps their roles; who may withdraw a role that was given by hand may withdraw
    these. `because` is added to why they were given. With `people` it concerns only them.
    """
    concerned = Q() if people is None else Q(person__in=people)
    given, kept_by = Grant.objects.filter(concerned, source__startswith=origin), str(actor)
    own_roles = given.filter(role__isnull=False)
    same = Grant.objects.filter(person=OuterRef("person"), role=OuterRef("role"))
    by_hand, twice = Q(source=kept_by), Q(source__startswith=origin, pk__lt=OuterRef("pk"))
    own_roles.filter(Exists(same.filter(by_hand | twice))).delete()
    why = Left(Concat("because", Value(f", {because}")), Grant.LONGEST_REASON)
    own_roles.update(source=kept_by, because=why)
    raised = Person.objects.filter(role_source__startswith=origin)
    raised = raised if people is None else raised.filter(pk__in=people)
    # What they had of their own is past, as when somebody gives them another role.
    Grant.objects.filter(person__in=raised, role=None).delete()
    raised.update(role_source=kept_by)
    given.delete()


def _check(person: Person, role: str) -> None:
    check_not_last_admin(person, role=role)


def _carry_out(decision: Decision, *, actor: Actor) -> None:
    for grant in decision.taken:
        _record(Event.Kind.ROLE_WITHDRAWN, grant, decision.person, actor=actor)
        grant.delete()
    for grant in decision.given:
        grant.save(force_insert=True)
        _record(Event.Kind.ROLE_GRANTED, grant, decision.person, actor=actor)
    kept = [grant.pk for grant in decision.kept]
    Grant.objects.filter(pk__in=kept).update(confirmed_at=timezone.now())
    if decision.past:
        decision.past.delete()
    if decision.best:
        _change_base_role(decision.person, decision.best, decision.own, actor=actor)


def _record(kind: Event.Kind, grant: Grant, person: Person, *, actor: Actor) -> None:
    events.record(
        kind,
        person,
        actor=actor,
        role=grant.role_name,
        source=grant.source,
        because=grant.because,
    )


def _change_base_role(person: Person, best: Grant, own: Grant | None, *, actor: Actor) -> None:
    before = snapshot(person)
    person.role, person.role_source = best.base_role, best.source
    person.role_assigned_at = timezone.now() if best.is_mapped else best.since
    if own and own._state.adding:
        own.save(force_insert=True)
    elif own and best is own:
        own.delete()
    person.save(update_fields=["role", "role_source", "role_assigned_at", "changed_at"])
    events.record(
        Event.Kind.PERSON_REVISED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
    )
