"""Grants roles by group mappings, for groups of a SCIM connection or of a sign-in provider.

A source withdraws the grants of its own mappings only; manual grants and those of other sources
stay. A person's base role is the highest of their own one and the mapped ones. While a mapped one
is higher, their own base role is kept as a grant, and is restored afterwards.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import attrgetter
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


class OwnerNotConfirmed(PeopleError):
    code = "owner-not-meant"
    field = "is_owner_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "Members of this group would become Owners. Select the checkbox to confirm."
        )


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who maps groups. Their rank decides which roles a mapping may grant."""

    actor: Actor


def check_mappable(role: Role | Person.Role, author: Author, *, is_owner_confirmed: bool) -> None:
    """Check that the author may map a group to the role.

    :raises RoleAboveRank: if the author may not grant the role.
    :raises NotMappable: if it is Guest, which only new people can be.
    :raises OwnerNotConfirmed: if it is Owner, and the author has not confirmed that.
    """
    ranks.check_may_grant(author.actor, role)
    if role == Person.Role.GUEST:
        raise NotMappable
    if role == Person.Role.OWNER and not is_owner_confirmed:
        raise OwnerNotConfirmed


@dataclass(frozen=True)
class MappedGroups:
    """The mappings of one source that grant roles now, and the members of all its groups.

    Both are querysets, so each function reads the current rows.
    """

    source: GroupSource
    mappings: QuerySet[Any]
    # The field of a mapping that holds its group's key.
    key_field: str
    # Annotated with `member_id`, the key of a person, and `group_key`, as in the mappings. Callers
    # must leave out people whose groups are unknown, because they would lose their mapped roles.
    memberships: QuerySet[Any]
    # Returns the groups that contain each nested group, at any depth, by their keys.
    containers: Callable[[], Mapping[Any, Collection[Any]]] = dict

    def by_person(
        self, people: Collection[UUID] | None = None
    ) -> dict[UUID, list[AbstractGroupMapping]]:
        """Return the mappings that should grant each person a role.

        People without a mapped role are not in the result. The number of queries is constant.
        """
        mappings, members, containers = self.mappings, self.memberships, self.containers()
        if people is not None:
            members = members.filter(member_id__in=people)
            if not containers:
                mappings = mappings.filter(**{f"{self.key_field}__in": members.values("group_key")})
        by_group = defaultdict(list)
        for mapping in mappings.order_by("pk"):
            by_group[mapping.group_key].append(mapping)
        nested = [key for key, outer in containers.items() if not by_group.keys().isdisjoint(outer)]
        members = members.filter(group_key__in=[*by_group, *nested])
        by_person: dict[UUID, set[AbstractGroupMapping]] = defaultdict(set)
        for person_id, key in members.values_list("member_id", "group_key").distinct():
            for group in (key, *containers.get(key, ())):
                by_person[person_id].update(by_group.get(group, ()))
        return {key: sorted(mappings, key=attrgetter("pk")) for key, mappings in by_person.items()}


@dataclass(frozen=True)
class MappingChange:
    """Mappings that were added and removed, but are not applied to people's roles yet."""

    groups: MappedGroups
    actor: Actor
    added: list[str]
    removed: list[str]
    # The number of members of these groups, changed or not.
    member_count: int
    # The people whose roles may change, in this order; None means everybody whose roles differ.
    people: list[UUID] | None = None

    def affected(self) -> list[UUID]:
        return find_differences(self.groups) if self.people is None else self.people


@dataclass(frozen=True)
class MappingEffects:
    """The mappings that were added and removed, and the effects on people's roles."""

    added: list[str]
    removed: list[str]
    changes: list[MappingResult]
    member_count: int


def preview(change: Callable[[], MappingChange]) -> MappingEffects:
    """Return the effects that `change` and its application would have now.

    The rules are those of `apply_mappings`. The changed mappings are stored and rolled back,
    because `by_person` reads them from the database.

    :raises PeopleError: as `change`.
    """
    with transaction.atomic():
        changed = change()
        effects = _preview_effects(changed)
        # Rolls back only the mappings that `change` has stored: the preview itself writes nothing.
        transaction.set_rollback(True)
    return MappingEffects(changed.added, changed.removed, effects, changed.member_count)


@transaction.atomic
def apply(change: Callable[[], MappingChange]) -> MappingEffects:
    """Change the mappings and everybody's roles in one transaction.

    :raises PeopleError: as `change`.
    """
    changed = change()
    keys = changed.affected()
    # Without locks, because `apply_mappings` locks each person and reads them again.
    people = Person.objects.in_bulk(keys)
    results = [sync_roles(changed.groups, people[key], actor=changed.actor) for key in keys]
    effects = [one for one in results if one]
    return MappingEffects(changed.added, changed.removed, effects, changed.member_count)


def find_differences(groups: MappedGroups) -> list[UUID]:
    """Return the people whose grants differ from the mappings of their groups.

    People who gain something come first, so a new Owner is added before the last one is removed.
    """
    origin = groups.source.mapping_origin
    grants = Grant.objects.filter(source__startswith=origin)
    grants = grants.exclude(person__state=Person.State.TERMINATED)
    granted: dict[UUID, set[int]] = defaultdict(set)
    for person_id, source in grants.values_list("person_id", "source"):
        # The source of a mapped grant ends with the key of its mapping.
        granted[person_id].add(int(source.removeprefix(origin)))
    mapped = {key: {one.pk for one in some} for key, some in groups.by_person().items()}
    differing = [key for key in {**mapped, **granted} if mapped.get(key) != granted.get(key)]
    loses_only = {key for key in differing if mapped.get(key, set()) <= granted.get(key, set())}
    return sorted(differing, key=lambda key: (key in loses_only, key))


def sync_roles(
    groups: MappedGroups, person: Person, *, actor: Actor | None = None
) -> MappingResult:
    """Grant the person the roles of their groups, and withdraw those without a group.

    The actor is the source of the groups by default.
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
    """Grant the person the roles of these mappings, and withdraw all others of the same origin.

    `origin` is the prefix of `Grant.source` for the mappings of one source. The base role does not
    change if a SCIM connection manages it, or if the tenant would lose its last administrator.
    The `problems` of the result contain the reason.
    """
    lock(person)
    if person.state == Person.State.TERMINATED:
        return MappingResult(person)
    grants = _grants_that_count(origin).filter(person=person)
    decision = decide(
        person,
        grants,
        mapped,
        origin=origin,
        check=lambda changed, role: check_not_last_admin(changed, role=role),
    )
    # Before saving: the result compares the decision with the present base role.
    result = decision.result
    _save_decision(decision, actor=actor)
    return result


@transaction.atomic
def detach_mapped_roles(
    *, origin: str, because: str, actor: Actor, people: Collection[UUID] | None = None
) -> None:
    """Turn the grants of these mappings into manual grants, because the mappings end.

    Everybody keeps their roles. Administrators can withdraw them like other manual grants.
    `because` is appended to the reason of each grant. `people` limits the change to these people.
    """
    affected = Q() if people is None else Q(person__in=people)
    mapped, source = Grant.objects.filter(affected, source__startswith=origin), str(actor)
    custom_roles = mapped.filter(role__isnull=False)
    # Delete duplicates first: a source grants a person each role only once.
    same = Grant.objects.filter(person=OuterRef("person"), role=OuterRef("role"))
    manual, earlier = Q(source=source), Q(source__startswith=origin, pk__lt=OuterRef("pk"))
    custom_roles.filter(Exists(same.filter(manual | earlier))).delete()
    reason = Left(Concat("because", Value(f", {because}")), Grant.MAX_REASON_LENGTH)
    custom_roles.update(source=source, because=reason)
    raised = Person.objects.filter(role_source__startswith=origin)
    raised = raised if people is None else raised.filter(pk__in=people)
    # The mapped base role becomes their own, so the earlier own one is obsolete.
    Grant.objects.filter(person__in=raised, role=None).delete()
    raised.update(role_source=source)
    mapped.delete()


def _preview_effects(changed: MappingChange) -> list[MappingResult]:
    origin, keys = changed.groups.source.mapping_origin, changed.affected()
    decide_next, results = RolePreview(origin), []
    employed = Person.objects.exclude(state=Person.State.TERMINATED)
    for start in range(0, len(keys), PREVIEWED_AT_ONCE):
        some = keys[start : start + PREVIEWED_AT_ONCE]
        people, mapped = employed.in_bulk(some), changed.groups.by_person(some)
        grants = defaultdict(list)
        for grant in _grants_that_count(origin).filter(person__in=some):
            grants[grant.person_id].append(grant)
        results += [
            decide_next(people[key], grants[key], mapped.get(key, ()))
            for key in some
            if key in people
        ]
    return [one for one in results if one]


def _grants_that_count(origin: str) -> QuerySet[Grant]:
    """Return the grants that `decide` needs: those of the origin, and all of base roles."""
    counting = Grant.objects.filter(Q(source__startswith=origin) | Q(role=None))
    return counting.select_related("role").order_by("pk")


def _save_decision(decision: Decision, *, actor: Actor) -> None:
    for grant in decision.removed:
        _record(Event.Kind.ROLE_REMOVED, grant, decision.person, actor=actor)
        grant.delete()
    for grant in decision.added:
        grant.save(force_insert=True)
        _record(Event.Kind.ROLE_GRANTED, grant, decision.person, actor=actor)
    kept = [grant.pk for grant in decision.kept]
    Grant.objects.filter(pk__in=kept).update(confirmed_at=timezone.now())
    if decision.outdated_base:
        decision.outdated_base.delete()
    if decision.removed or decision.added:
        decision.person.save(update_fields=["changed_at"])
    if decision.base:
        _change_base_role(decision.person, decision.base, decision.own_base, actor=actor)


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
