"""Roles that come from groups of a SCIM connection or of a sign-in provider, by mappings.

What a provider's mappings give goes when its source goes; what somebody gave by hand, or
another source did, stays. The base role is the highest of the person's own and of those
that mappings bring; their own is kept aside meanwhile and comes back.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from people import events
from people.models import Event, Grant, Person, Role
from people.models.group_mappings import AbstractGroupMapping, GroupSource
from people.operations import ranks
from people.operations.locks import lock
from people.operations.person_fields import difference, snapshot
from people.operations.roles.base_roles import check_not_last_admin
from people.operations.roles.mapping_rules import Decision, MappingResult, RolePreview, decide
from people.values import Actor, PeopleError

PREVIEWED_AT_ONCE: Final = 1_000


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


@dataclass(frozen=True)
class MappedGroups:
    """The mappings of one source that grant roles now, and the members of all its groups.

    Both are querysets, so they say what the database says when a function asks them.
    """

    source: GroupSource
    mappings: QuerySet[Any]
    # The field of a mapping that holds its group's key.
    key_field: str
    # Annotated with `member_id`, the key of a person, and with `group_key` as mappings have it.
    # Callers leave out people whose groups are unknown: they would lose what mappings grant.
    memberships: QuerySet[Any]

    def by_person(
        self, people: Collection[UUID] | None = None
    ) -> dict[UUID, list[AbstractGroupMapping]]:
        """Return the mappings that should grant each person a role, in two queries.

        People without any mapped role are missing.
        """
        mappings, members = self.mappings, self.memberships
        if people is not None:
            members = members.filter(member_id__in=people)
            mappings = mappings.filter(**{f"{self.key_field}__in": members.values("group_key")})
        by_group = defaultdict(list)
        for mapping in mappings.order_by("pk"):
            by_group[mapping.group_key].append(mapping)
        members = members.filter(group_key__in=list(by_group))
        by_person: dict[UUID, list[AbstractGroupMapping]] = defaultdict(list)
        for person_id, key in members.values_list("member_id", "group_key").distinct():
            by_person[person_id] += by_group[key]
        return {key: sorted(mappings, key=_primary_key) for key, mappings in by_person.items()}


@dataclass(frozen=True)
class MappingChange:
    """Mappings that were added and removed, but are not applied to people's roles yet."""

    groups: MappedGroups
    actor: Actor
    added: list[str]
    removed: list[str]
    # The number of members of these groups, changed or not.
    looked_at: int
    # Whose roles may change, in this order; None for everybody whose roles differ.
    people: list[UUID] | None = None

    def affected(self) -> list[UUID]:
        return find_differences(self.groups) if self.people is None else self.people


@dataclass(frozen=True)
class Outcome:
    """The mappings that were added and removed, and the effects on people's roles."""

    added: list[str]
    removed: list[str]
    changes: list[MappingResult]
    looked_at: int


def preview(change: Callable[[], MappingChange]) -> Outcome:
    """Return what `change` and applying it would do now, and do nothing.

    The effects are decided by the rules that `apply_mappings` applies. Only the change of the
    mappings is stored, and rolled back.

    :raises PeopleError: as `change`.
    """
    with transaction.atomic():
        changed = change()
        effects = _preview_effects(changed)
        transaction.set_rollback(True)
    return Outcome(changed.added, changed.removed, effects, changed.looked_at)


@transaction.atomic
def apply(change: Callable[[], MappingChange]) -> Outcome:
    """Change the mappings and everybody's roles in one transaction.

    :raises PeopleError: as `change`.
    """
    changed = change()
    keys = changed.affected()
    people = Person.objects.in_bulk(keys)
    followed = [sync_roles(changed.groups, people[key], actor=changed.actor) for key in keys]
    effects = [one for one in followed if one]
    return Outcome(changed.added, changed.removed, effects, changed.looked_at)


def find_differences(groups: MappedGroups) -> list[UUID]:
    """Return the people whose grants differ from what the mappings of their groups say.

    People who gain something come first, so a new Owner is added before the last one is removed.
    """
    granted = _granted(groups.source.mapping_origin)
    wanted = {key: {one.pk for one in some} for key, some in groups.by_person().items()}
    differing = [key for key in {**wanted, **granted} if wanted.get(key) != granted.get(key)]
    loses_only = {key for key in differing if wanted.get(key, set()) <= granted.get(key, set())}
    return sorted(differing, key=lambda key: (key in loses_only, key))


def sync_roles(
    groups: MappedGroups, person: Person, *, actor: Actor | None = None
) -> MappingResult:
    """Give the person the roles of their groups, and take those that no group grants anymore.

    The actor is the source of the groups unless another one is named.
    """
    return apply_mappings(
        person,
        groups.by_person([person.pk]).get(person.pk, []),
        origin=groups.source.mapping_origin,
        actor=actor or groups.source.actor,
    )


@transaction.atomic
def apply_mappings(
    person: Person, mapped: Collection[AbstractGroupMapping], *, origin: str, actor: Actor
) -> MappingResult:
    """Give the person what the mappings of one origin say, and take what they no longer say.

    `origin` is how the sources of these mappings begin. Whose role a SCIM connection names
    keeps that base role, and the last administrator stays one; `problems` says so.
    """
    lock(person)
    if person.state == Person.State.TERMINATED:
        return MappingResult(person)
    grants = _grants_that_count(origin).filter(person=person)
    decision = decide(person, grants, mapped, origin=origin, check=_check)
    followed = decision.followed
    _carry_out(decision, actor=actor)
    return followed


@transaction.atomic
def detach_mapped_roles(
    *, origin: str, because: str, actor: Actor, people: Collection[UUID] | None = None
) -> None:
    """Turn the grants of these mappings into manual grants, because the mappings end.

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


def _primary_key(mapping: AbstractGroupMapping) -> int:
    return int(mapping.pk)


def _granted(origin: str) -> dict[UUID, set[int]]:
    """Return the mappings that grant each person a role now."""
    grants = Grant.objects.filter(source__startswith=origin)
    grants = grants.exclude(person__state=Person.State.TERMINATED)
    by_person = defaultdict(set)
    for person_id, source in grants.values_list("person_id", "source"):
        by_person[person_id].add(int(source.removeprefix(origin)))
    return by_person


def _preview_effects(changed: MappingChange) -> list[MappingResult]:
    origin, keys = changed.groups.source.mapping_origin, changed.affected()
    decide_next, followed = RolePreview(origin), []
    employed = Person.objects.exclude(state=Person.State.TERMINATED)
    for start in range(0, len(keys), PREVIEWED_AT_ONCE):
        some = keys[start : start + PREVIEWED_AT_ONCE]
        people, mapped = employed.in_bulk(some), changed.groups.by_person(some)
        grants = defaultdict(list)
        for grant in _grants_that_count(origin).filter(person__in=some):
            grants[grant.person_id].append(grant)
        followed += [
            decide_next(people[key], grants[key], mapped.get(key, ()))
            for key in some
            if key in people
        ]
    return [one for one in followed if one]


def _grants_that_count(origin: str) -> QuerySet[Grant]:
    """Return the grants that `decide` needs, of all people."""
    counting = Grant.objects.filter(Q(source__startswith=origin) | Q(role=None))
    return counting.select_related("role").order_by("pk")


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
