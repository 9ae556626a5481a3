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

# The base roles in ascending order. A mapping cannot grant Guest, which only new people can be.
BASE_ROLES: Final = (
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
    """The names of the roles that a person gains and loses, and the problems."""

    person: Person
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.problems)


@dataclass
class Decision:
    """Which grants are added, removed and kept, and the new base role."""

    person: Person
    added: list[Grant]
    removed: list[Grant]
    kept: list[Grant]
    # The grant of the new base role; None if the base role does not change.
    base: Grant | None = None
    # Their own base role, which is kept as a grant while a mapped one is higher.
    own_base: Grant | None = None
    # A kept base role that is obsolete, because somebody has set another one since then.
    outdated_base: Grant | None = None
    problem: PeopleError | None = None

    @property
    def result(self) -> MappingResult:
        """Return the effect of the decision. Call it before the decision is saved."""
        result = MappingResult(
            self.person,
            gained=[grant.role_name for grant in self.added if grant.role],
            lost=[grant.role_name for grant in self.removed if grant.role],
            problems=[str(self.problem)] if self.problem else [],
        )
        if self.base and self.base.base_role != self.person.role:
            self._add_base_role(result, self.base)
        return result

    def _add_base_role(self, result: MappingResult, base: Grant) -> None:
        before = Person.Role(self.person.role)
        is_raised = _order(base) > BASE_ROLES.index(before)
        if is_raised or base.is_mapped:
            result.gained.append(base.role_name)
        if not is_raised:
            result.lost.append(before.label)


def decide(
    person: Person,
    grants: Iterable[Grant],
    mapped: Collection[AbstractGroupMapping],
    *,
    origin: str,
    check: Callable[[Person, str], None],
) -> Decision:
    """Decide how the person's grants change so that they match the mappings of one origin.

    :param grants: the person's grants of this origin, and all of base roles, the oldest first.
    :param mapped: the mappings of the person's groups.
    :param check: called with the new base role; it raises a PeopleError to refuse it.
    """
    current = [grant for grant in grants if grant.source.startswith(origin)]
    granted = {(grant.role or grant.base_role, grant.source): grant for grant in current}
    # Elevated roles of a returned person are withheld until an administrator grants them again.
    mapped = [one for one in mapped if not is_withheld(person, one.any_role)]
    mapped_by_key = {(one.any_role, one.source): one for one in mapped}
    decision = Decision(
        person,
        added=[_grant(person, one) for key, one in mapped_by_key.items() if key not in granted],
        removed=[grant for key, grant in granted.items() if key not in mapped_by_key],
        kept=[grant for key, grant in granted.items() if key in mapped_by_key],
    )
    remaining = [grant for grant in grants if grant not in decision.removed]
    _decide_base_role(decision, [*remaining, *decision.added], check)
    return decision


class RolePreview:
    """Decides for several people in turn, as if each decision had been saved before the next."""

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
        # Only active people count as the last Owner or administrator.
        if decision.base and person.state == Person.State.ACTIVE:
            role = decision.base.base_role
            _set_member(person, self._owners, is_in=role == Person.Role.OWNER)
            _set_member(person, self._administrators, is_in=role in Person.ADMINISTERING)
        return decision.result

    def _check(self, person: Person, role: str) -> None:
        check_admins_remain(
            person,
            role,
            has_owner=lambda: bool(self._owners - {person.pk}),
            has_administrator=lambda: bool(self._administrators - {person.pk}),
        )


def _set_member(person: Person, people: set[UUID], *, is_in: bool) -> None:
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
    """Set the highest base role that the person has from any source."""
    person, bases = decision.person, [grant for grant in grants if grant.role is None]
    decision.own_base = next((grant for grant in bases if not grant.is_mapped), None)
    if not person.role_source.startswith(VIA_MAPPING):
        # Nothing raises the base role now, so it is their own.
        decision.outdated_base, decision.own_base = decision.own_base, _own_role(person)
    mapped = max((grant for grant in bases if grant.is_mapped), key=_order, default=None)
    own = decision.own_base
    best = mapped if mapped and (own is None or _order(mapped) > _order(own)) else own
    if best is None or (best.base_role, best.source) == (person.role, person.role_source):
        return
    try:
        if "role" in person.managed_fields:
            raise RoleOwned(person, best)
        check(person, best.base_role)
    except PeopleError as error:
        decision.problem = error
    else:
        decision.base = best


def _own_role(person: Person) -> Grant:
    return Grant(
        tenant_id=person.tenant_id,
        person=person,
        base_role=person.role,
        source=person.role_source,
        since=person.role_assigned_at,
        confirmed_at=person.role_assigned_at,
    )


def _order(grant: Grant) -> int:
    return BASE_ROLES.index(Person.Role(grant.base_role))
