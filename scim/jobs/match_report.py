"""The match report before activation: which resources match which people, and what blocks them.

The report decides by the same rules as `provision`, for all resources at once: a few
statements, however many there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from people.models import Person
from people.models.person import PersonQuerySet
from people.operations import person_fields
from people.operations.roles import base_roles
from people.values import PeopleError, normalize_key
from scim.connections.presets import PRESETS
from scim.models import Connection, MatchDecision, ScimUser
from scim.sync import policies, provision
from scim.sync.attribute_mapping import MappedUser, profile_of

Choice = MatchDecision.Choice


class Rule(StrEnum):
    """The identifier by which a resource matches a person."""

    EXTERNAL_ID = "externalId"
    USER_NAME = "userName"
    EMAIL = "email"


class MatchOutcome(StrEnum):
    """The planned result of activation for a resource."""

    LINKED = "linked"
    # An administrator has to decide and has not yet.
    ASKED = "asked"
    LEFT = "left"
    CREATED = "created"
    BLOCKED = "blocked"


class PersonFacts(NamedTuple):
    """What the rules ask about a person of ours."""

    person_id: UUID
    role: str
    is_elevated: bool
    is_owned: bool

    @property
    def is_privileged(self) -> bool:
        return self.is_elevated or self.role in Person.ADMINISTERING


@dataclass(frozen=True)
class MatchResult:
    user_id: int
    outcome: MatchOutcome
    person_id: UUID | None = None
    rule: Rule | None = None
    problem: PeopleError | None = None


@dataclass
class MatchReport:
    """What activation would do now to each resource, in the order of their arrival."""

    results: list[MatchResult] = field(default_factory=list)

    def of(self, *outcomes: MatchOutcome) -> list[MatchResult]:
        return [result for result in self.results if result.outcome in outcomes]

    def count(self, *outcomes: MatchOutcome) -> int:
        return len(self.of(*outcomes))


def report(connection: Connection) -> MatchReport:
    """Build the report for everything the connection has received."""
    judge = Matcher(connection)
    users = waiting_users(connection).only("document", "scim_external_id", "user_name_key")
    return MatchReport([judge(user) for user in users.order_by("pk").iterator(chunk_size=2000)])


def waiting_users(connection: Connection) -> QuerySet[ScimUser]:
    """Return the resources that have no person yet, and nothing listed against them."""
    users = ScimUser.objects.known_to(connection)
    return users.filter(person=None, problem=ScimUser.Problem.NONE)


class Matcher:
    """Decides the result for each resource, in the order in which activation processes them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.by_address = dict(_by_address(connection))
        self.by_external_id: dict[str, PersonFacts] = {}
        self.by_user_name: dict[str, PersonFacts] = {}
        for external_id, user_name_key, known in _earlier(connection):
            if external_id:
                self.by_external_id[external_id] = known
            self.by_user_name[user_name_key] = known
        choices = MatchDecision.objects.filter(connection=connection, user__isnull=False)
        self.choices = dict(choices.values_list("user_id", "choice"))
        self.taken: set[str | UUID] = set()

    def __call__(self, user: ScimUser) -> MatchResult:
        mapped = profile_of(user.document, self.connection.mapping)
        address = normalize_key(mapped.profile.email)
        rule, known = self._match(user, address)
        obstacle = self._obstacle(mapped, address, rule, known)
        if obstacle:
            person_id = known.person_id if known else None
            return MatchResult(user.pk, MatchOutcome.BLOCKED, person_id, rule, obstacle)
        if known is None:
            self.taken.add(address)
            return MatchResult(user.pk, MatchOutcome.CREATED)
        outcome = self._outcome(user, known)
        if outcome is MatchOutcome.LINKED:
            self.taken |= {address, known.person_id}
        return MatchResult(user.pk, outcome, known.person_id, rule)

    def _match(self, user: ScimUser, address: str) -> tuple[Rule | None, PersonFacts | None]:
        found = {
            Rule.EXTERNAL_ID: self.by_external_id.get(user.scim_external_id),
            Rule.USER_NAME: self.by_user_name.get(user.user_name_key),
            Rule.EMAIL: self.by_address.get(address),
        }
        return next(((rule, known) for rule, known in found.items() if known), (None, None))

    def _obstacle(
        self, mapped: MappedUser, address: str, rule: Rule | None, known: PersonFacts | None
    ) -> PeopleError | None:
        """Return what activation would refuse, or keep without making a person."""
        profile = policies.filled(self.connection, mapped.profile, None)
        missing = provision.unfilled(mapped, profile)
        refuses = self.connection.incomplete_policy == Connection.Incomplete.REFUSE
        if missing and (refuses or rule in (None, Rule.EMAIL)):
            return policies.gap(missing)
        holder = self.by_address.get(address)
        is_anothers = holder is not None and holder.person_id != (known and known.person_id)
        if is_anothers or address in self.taken or (known and self._is_lost(known)):
            return person_fields.DuplicateEmail()
        return self._wrong_role(profile.role, known)

    def _is_lost(self, known: PersonFacts) -> bool:
        return known.is_owned or known.person_id in self.taken

    def _wrong_role(self, given: str | None, known: PersonFacts | None) -> PeopleError | None:
        try:
            current = known.role if known else None
            role = policies.role(self.connection, given, current=current)
        except base_roles.InvalidRole as error:
            return error
        if role is None or (known and role == known.role):
            return None
        is_wrong = role not in Person.Role or (known and role == Person.Role.GUEST)
        return base_roles.InvalidRole() if is_wrong else None

    def _outcome(self, user: ScimUser, known: PersonFacts) -> MatchOutcome:
        match self.choices.get(user.pk):
            case Choice.LINK:
                return MatchOutcome.LINKED
            case Choice.LEAVE:
                return MatchOutcome.LEFT
        asks = self.connection.email_link == Connection.EmailLink.ASK
        return MatchOutcome.ASKED if asks or known.is_privileged else MatchOutcome.LINKED


def only_here(connection: Connection) -> PersonQuerySet:
    """Return active people without a managing connection that this connection has not sent."""
    users = ScimUser.objects.known_to(connection)
    earlier = _earlier_users(connection)
    here: PersonQuerySet = Person.objects.filter(
        ~Exists(users.filter(email_key=OuterRef("email_key"))),
        ~Exists(_owners()),
        ~Exists(earlier.filter(person=OuterRef("pk"))),
        state__in=[Person.State.INVITED, Person.State.ACTIVE],
    )
    return here


def had_earlier(user: ScimUser) -> Person | None:
    """Return the person with the same identifier before the provider was disconnected, if any.

    Whoever has found another owner since is nobody's to return.
    """
    earlier = _earlier_users(user.connection).select_related("person")
    earlier = earlier.exclude(person__state=Person.State.TERMINATED)
    latest = earlier.order_by("-connection__disconnected_at", "pk")
    by_external_id = latest.filter(scim_external_id=user.scim_external_id)
    by_user_name = latest.filter(user_name_key=user.user_name_key)
    found = (by_external_id.first() if user.scim_external_id else None) or by_user_name.first()
    return found.person if found and found.person else None


def counterpart(user: ScimUser) -> Person | None:
    """Return the person that the resource matches in the report."""
    address = profile_of(user.document, user.connection.mapping).profile.email
    people = Person.objects.in_lists().filter(email_key=normalize_key(address)) if address else None
    return had_earlier(user) or (people.first() if people else None)


def _by_address(connection: Connection) -> Iterator[tuple[str, PersonFacts]]:
    users = ScimUser.objects.known_to(connection).filter(email_key=OuterRef("email_key"))
    people = Person.objects.in_lists().filter(Exists(users))
    rows = people.values_list(
        "email_key", "pk", "role", base_roles.holds_elevated(), Exists(_owners())
    )
    for email_key, *known in rows:
        yield email_key, PersonFacts(*known)


def _earlier(connection: Connection) -> Iterator[tuple[str, str, PersonFacts]]:
    """Return the people of the provider's earlier connections."""
    users = _earlier_users(connection).order_by("-connection__disconnected_at", "pk")
    pairs = list(users.values_list("scim_external_id", "user_name_key", "person_id"))
    had = Exists(_earlier_users(connection).filter(person=OuterRef("pk")))
    people = Person.objects.in_lists().filter(had)
    rows = people.values_list("pk", "role", base_roles.holds_elevated(), Exists(_owners()))
    known = {row[0]: PersonFacts(*row) for row in rows}
    for external_id, user_name_key, person_id in reversed(pairs):
        if person_id in known:
            yield external_id, user_name_key, known[person_id]


def _owners() -> QuerySet[ScimUser]:
    owners = ScimUser.objects.filter(deleted_at=None, connection__disconnected_at=None)
    return owners.filter(person=OuterRef("pk"))


def _earlier_users(connection: Connection) -> QuerySet[ScimUser]:
    """Return those of the provider's disconnected resources that it has sent again.

    A generic provider may be a different directory this time.
    """
    users = ScimUser.objects.known_to(connection)
    named = users.exclude(scim_external_id="").values("scim_external_id")
    earlier = ScimUser.objects.filter(
        Q(scim_external_id__in=named) | Q(user_name_key__in=users.values("user_name_key")),
        connection__provider=connection.provider,
        connection__disconnected_at__isnull=False,
        deleted_at=None,
        person__isnull=False,
    )
    return earlier if PRESETS[connection.provider].has_lasting_ids else earlier.none()
