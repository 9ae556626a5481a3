"""The match report before activation, and the people that it is about."""

from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet

from people.models import Person
from people.models.person import PersonQuerySet
from people.values import normalize_key
from scim.jobs.matcher import Matcher, MatchOutcome, MatchResult, earlier_users
from scim.models import Connection, ScimUser
from scim.sync.attribute_mapping import profile_of


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
    matcher = Matcher(connection)
    users = waiting_users(connection).only(
        "document", "scim_external_id", "user_name_key", "active"
    )
    # In chunks, because a first import may have tens of thousands of documents.
    return MatchReport([matcher(user) for user in users.order_by("pk").iterator(chunk_size=2000)])


def waiting_users(connection: Connection) -> QuerySet[ScimUser]:
    """Return the resources that have neither a person nor a problem yet."""
    users = ScimUser.objects.known_to(connection)
    return users.filter(person=None, problem=ScimUser.Problem.NONE)


def only_in_ramp(connection: Connection) -> PersonQuerySet:
    """Return invited and active people whom no connection manages and this one has not sent."""
    users = ScimUser.objects.known_to(connection)
    earlier = earlier_users(connection)
    here: PersonQuerySet = Person.objects.filter(
        ~Exists(users.filter(email_key=OuterRef("email_key"))),
        ~Exists(ScimUser.objects.managing().filter(person=OuterRef("pk"))),
        ~Exists(earlier.filter(person=OuterRef("pk"))),
        state__in=[Person.State.INVITED, Person.State.ACTIVE],
    )
    return here


def earlier_person(user: ScimUser) -> Person | None:
    """Return the person of the same resource in an earlier connection of the provider, if any."""
    earlier = earlier_users(user.connection).select_related("person")
    earlier = earlier.exclude(person__state=Person.State.TERMINATED)
    # If the provider was connected several times, the latest connection counts.
    latest = earlier.order_by("-connection__disconnected_at", "pk")
    by_external_id = latest.filter(scim_external_id=user.scim_external_id)
    by_user_name = latest.filter(user_name_key=user.user_name_key)
    found = (by_external_id.first() if user.scim_external_id else None) or by_user_name.first()
    return found.person if found and found.person else None


def matching_person(user: ScimUser) -> Person | None:
    """Return the person that the resource matches in the report."""
    address = profile_of(user.document, user.connection.mapping).profile.email
    people = Person.objects.in_lists().filter(email_key=normalize_key(address)) if address else None
    return earlier_person(user) or (people.first() if people else None)
