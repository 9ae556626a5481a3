"""Decides what the group mappings of one source do to a person's roles, and stores nothing.

The preview of a mapping and its application use the same rules.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.utils import timezone

from people.models import Grant, Person
from people.models.group_mappings import AbstractGroupMapping
from people.operations.roles.base_roles import check_admins_remain
from people.operations.roles.withheld_roles import is_withheld
from people.values import VIA_MAPPING, PeopleError

# From the least on. A mapping makes nobody a Guest: that is decided when they are added.
RANKS: Final = (
    Person.Role.GUEST,
    Person.Role.CARDHOLDER,
    Person.Role.BOOKKEEPER,
    Person.Role.IT_ADMIN,
    Person.Role.ADMIN,
    Person.Role.OWNER,
)


class RoleOwned(PeopleError):
    code = "role-owned"
    field = "role"

    def __init__(self, person: Person, grant: Grant) -> None:
        provider = person.managed_fields["role"]["by"].partition(":")[2]
        super().__init__(
            f"The SCIM connection ({provider}) controls the base role of {person.full_name}, so "
            f"{grant.role_name} is not granted for {grant.because}. Change the role there."
        )


@dataclass
class MappingResult:
    """What following the mappings did to somebody: names of roles, and what could not be."""

    person: Person
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.problems)


@dataclass
class Decision:
    """Which grants come, go and stay, and which of them tells the base role from now on."""

    person: Person
    given: list[Grant]
    taken: list[Grant]
    kept: list[Grant]
    # None where the base role stays what it is.
    best: Grant | None = None
    # Their own base role, which is kept aside as long as mappings raise it.
    own: Grant | None = None
    # What was kept aside before somebody decided anew.
    past: Grant | None = None
    problem: PeopleError | None = None

    @property
    def followed(self) -> MappingResult:
        """Tell what carrying it out means; the person is as they were before."""
        followed = MappingResult(
            self.person,
            gained=[grant.role_name for grant in self.given if grant.role],
            lost=[grant.role_name for grant in self.taken if grant.role],
            problems=[str(self.problem)] if self.problem else [],
        )
        if self.best and self.best.base_role != self.person.role:
            self._tell_base_role(followed, self.best)
        return followed

    def _tell_base_role(self, followed: MappingResult, best: Grant) -> None:
        was = Person.Role(self.person.role)
        is_raised = rank(best) > RANKS.index(was)
        if is_raised or best.is_mapped:
            followed.gained.append(best.role_name)
        if not is_raised:
            followed.lost.append(was.label)


def decide(
    person: Person,
    grants: Iterable[Grant],
    mapped: Collection[AbstractGroupMapping],
    *,
    origin: str,
    check: Callable[[Person, str], None],
) -> Decision:
    """Decide what brings the person to what the mappings of one origin say.

    `grants` are those that these mappings gave, and all of base roles, from the oldest on.
    `check` is asked before the base role changes, and refuses it by a PeopleError.
    """
    given_by_us = [grant for grant in grants if grant.source.startswith(origin)]
    had = {(grant.role or grant.base_role, grant.source): grant for grant in given_by_us}
    # Roles that somebody who came back had: only an administrator gives these.
    mapped = [one for one in mapped if not is_withheld(person, one.any_role)]
    wanted = {(one.any_role, one.source): one for one in mapped}
    decision = Decision(
        person,
        given=[_grant(person, one) for key, one in wanted.items() if key not in had],
        taken=[grant for key, grant in had.items() if key not in wanted],
        kept=[grant for key, grant in had.items() if key in wanted],
    )
    stays = [grant for grant in grants if grant not in decision.taken]
    _decide_base_role(decision, [*stays, *decision.given], check)
    return decision


class RolePreview:
    """Decides for one person after the other as if each decision was carried out."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        people = Person.objects.order_by()
        self._owners: set[UUID] = set(people.active_owners().values_list("pk", flat=True))
        administrators = people.active_administrators().values_list("pk", flat=True)
        self._administrators: set[UUID] = set(administrators)

    def __call__(
        self, person: Person, grants: Iterable[Grant], mapped: Collection[AbstractGroupMapping]
    ) -> MappingResult:
        decision = decide(person, grants, mapped, origin=self.origin, check=self._check)
        if decision.best and person.state == Person.State.ACTIVE:
            role = decision.best.base_role
            _put(person, self._owners, is_in=role == Person.Role.OWNER)
            _put(person, self._administrators, is_in=role in Person.ADMINISTERING)
        return decision.followed

    def _check(self, person: Person, role: str) -> None:
        check_admins_remain(
            person,
            role,
            has_owner=lambda: bool(self._owners - {person.pk}),
            has_administrator=lambda: bool(self._administrators - {person.pk}),
        )


def _put(person: Person, people: set[UUID], *, is_in: bool) -> None:
    (people.add if is_in else people.discard)(person.pk)


def _grant(person: Person, mapping: AbstractGroupMapping) -> Grant:
    now = timezone.now()
    return Grant(
        tenant_id=person.tenant_id,
        person=person,
        role=mapping.role,
        base_role=mapping.base_role,
        source=mapping.source,
        because=mapping.because,
        since=now,
        confirmed_at=now,
    )


def _decide_base_role(
    decision: Decision, grants: list[Grant], check: Callable[[Person, str], None]
) -> None:
    """Choose the highest base role that anything gives the person."""
    person, bases = decision.person, [grant for grant in grants if grant.role is None]
    decision.own = next((grant for grant in bases if not grant.is_mapped), None)
    if not person.role_source.startswith(VIA_MAPPING):
        decision.past, decision.own = decision.own, _own_role(person)
    mapped = max((grant for grant in bases if grant.is_mapped), key=rank, default=None)
    own = decision.own
    best = mapped if mapped and (own is None or rank(mapped) > rank(own)) else own
    if best is None or (best.base_role, best.source) == (person.role, person.role_source):
        return
    try:
        if "role" in person.managed_fields:
            raise RoleOwned(person, best)
        check(person, best.base_role)
    except PeopleError as error:
        decision.problem = error
    else:
        decision.best = best


def _own_role(person: Person) -> Grant:
    return Grant(
        tenant_id=person.tenant_id,
        person=person,
        base_role=person.role,
        source=person.role_source,
        since=person.role_assigned_at,
        confirmed_at=person.role_assigned_at,
    )


def rank(grant: Grant) -> int:
    return RANKS.index(Person.Role(grant.base_role))
