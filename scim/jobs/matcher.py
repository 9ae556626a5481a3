"""Which person each resource matches before activation, and what would block it.

The matcher applies the rules of `provision` to all resources, with a constant number of queries.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from people.models import Person
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
    """The facts about an existing person that the rules need."""

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
    # What the resource says itself: its manager, and whether it is active and has an address.
    manager: str = ""
    is_active: bool = True
    has_address: bool = True


class Matcher:
    """Decides the result for each resource, in the order in which activation processes them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        users = ScimUser.objects.known_to(connection).filter(email_key=OuterRef("email_key"))
        people = Person.objects.in_lists().filter(Exists(users))
        is_owned = Exists(ScimUser.objects.managing().filter(person=OuterRef("pk")))
        rows = people.values_list("email_key", "pk", "role", base_roles.holds_elevated(), is_owned)
        self.by_address = {email_key: PersonFacts(*facts) for email_key, *facts in rows}
        self.by_external_id: dict[str, PersonFacts] = {}
        self.by_user_name: dict[str, PersonFacts] = {}
        earlier = earlier_users(connection).order_by("-connection__disconnected_at", "pk")
        pairs = list(earlier.values_list("scim_external_id", "user_name_key", "person_id"))
        had = Exists(earlier_users(connection).filter(person=OuterRef("pk")))
        people = Person.objects.in_lists().filter(had)
        rows = people.values_list("pk", "role", base_roles.holds_elevated(), is_owned)
        facts_of = {row[0]: PersonFacts(*row) for row in rows}
        # The latest connection comes last, so that its people overwrite those of the others.
        for external_id, user_name_key, person_id in reversed(pairs):
            if person_id not in facts_of:
                continue
            if external_id:
                self.by_external_id[external_id] = facts_of[person_id]
            self.by_user_name[user_name_key] = facts_of[person_id]
        choices = MatchDecision.objects.filter(connection=connection, user__isnull=False)
        self.choices = dict(choices.values_list("user_id", "choice"))
        # Addresses and people of earlier results: the first of two equal resources gets the person.
        self.taken: set[str | UUID] = set()

    def __call__(self, user: ScimUser) -> MatchResult:
        mapped = profile_of(user.document, self.connection.mapping)
        address = normalize_key(mapped.profile.email)
        rule, facts = self._match(user, address)
        error = self._blocking_error(mapped, address, rule, facts)
        if error:
            person_id = facts.person_id if facts else None
            return MatchResult(
                user.pk, MatchOutcome.BLOCKED, person_id, rule, error, has_address=bool(address)
            )
        if facts is None:
            self.taken.add(address)
            return MatchResult(
                user.pk, MatchOutcome.CREATED, manager=mapped.manager, is_active=user.active
            )
        outcome = self._outcome(user, facts)
        if outcome is MatchOutcome.LINKED:
            self.taken |= {address, facts.person_id}
        return MatchResult(user.pk, outcome, facts.person_id, rule)

    def _match(self, user: ScimUser, address: str) -> tuple[Rule | None, PersonFacts | None]:
        found = {
            Rule.EXTERNAL_ID: self.by_external_id.get(user.scim_external_id),
            Rule.USER_NAME: self.by_user_name.get(user.user_name_key),
            Rule.EMAIL: self.by_address.get(address),
        }
        return next(((rule, facts) for rule, facts in found.items() if facts), (None, None))

    def _blocking_error(
        self, mapped: MappedUser, address: str, rule: Rule | None, facts: PersonFacts | None
    ) -> PeopleError | None:
        """Return the error with which activation would refuse the resource, or hold it."""
        profile = policies.fill_defaults(self.connection, mapped.profile, None)
        missing = provision.missing_fields(mapped, profile)
        # Otherwise, the person of an earlier connection keeps the values that are missing now.
        refuses = self.connection.incomplete_policy == Connection.Incomplete.REFUSE
        if missing and (refuses or rule in (None, Rule.EMAIL)):
            return policies.missing_fields_error(missing)
        holder = self.by_address.get(address)
        is_anothers = holder is not None and holder.person_id != (facts and facts.person_id)
        if is_anothers or address in self.taken or (facts and self._is_unavailable(facts)):
            return person_fields.DuplicateEmail()
        return self._role_error(profile.role, facts)

    def _is_unavailable(self, facts: PersonFacts) -> bool:
        return facts.is_owned or facts.person_id in self.taken

    def _role_error(self, given: str | None, facts: PersonFacts | None) -> PeopleError | None:
        try:
            current = facts.role if facts else None
            role = policies.translate_role(self.connection, given, current=current)
        except base_roles.InvalidRole as error:
            return error
        if role is None or (facts and role == facts.role):
            return None
        is_refused = role not in Person.Role or (facts and role == Person.Role.GUEST)
        return base_roles.InvalidRole() if is_refused else None

    def _outcome(self, user: ScimUser, facts: PersonFacts) -> MatchOutcome:
        match self.choices.get(user.pk):
            case Choice.LINK:
                return MatchOutcome.LINKED
            case Choice.LEAVE:
                return MatchOutcome.LEFT
        asks = self.connection.email_link == Connection.EmailLink.ASK
        return MatchOutcome.ASKED if asks or facts.is_privileged else MatchOutcome.LINKED


def earlier_users(connection: Connection) -> QuerySet[ScimUser]:
    """Return the resources of the provider's earlier connections that it has sent again.

    A generic provider has none: its next connection may be a different directory, in which the
    same identifiers mean other people.
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
