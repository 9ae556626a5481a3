"""Rehires: decide whether a created user is a deleted resource that returns, or a new person."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from people.models import Person
from people.values import normalize_key
from scim.models import Connection, SamePersonQuestion, ScimUser
from scim.sync.match_evidence import Evidence, Strength, Traits, compare


class SimilarResource(NamedTuple):
    """A deleted resource that has an identifier in common with a new one."""

    user: ScimUser
    evidence: Evidence

    @property
    def person_key(self) -> object:
        """Return a key that identifies the person of the resource."""
        return self.user.person_id or f"resource {self.user.pk}"


def find_similar(connection: Connection, now: Traits) -> list[SimilarResource]:
    """Return the deleted resources with an identifier in common, and lock them.

    Resources are omitted if their person was terminated or has another resource by now.
    """
    named = Q(user_name_key=normalize_key(now.user_name))
    if now.external_id:
        named |= Q(scim_external_id=now.external_id)
    if now.email:
        named |= Q(email_key=normalize_key(now.email))
    live = ScimUser.objects.filter(
        person=OuterRef("person"), deleted_at=None, connection__disconnected_at=None
    )
    gone = ScimUser.objects.filter(named, connection=connection, deleted_at__isnull=False)
    gone = gone.exclude(person__state=Person.State.TERMINATED).exclude(Exists(live))
    rows = gone.select_related("person").select_for_update(of=("self",)).order_by("-deleted_at")
    similar = []
    for user in rows:
        user.connection = connection
        similar.append(SimilarResource(user, compare(Traits.of(user), now)))
    return similar


def choose_returning(similar: Sequence[SimilarResource]) -> ScimUser | None:
    """Return the resource that returns, if the strongest evidence identifies a single person."""
    strongest = max((one.evidence.strength for one in similar), default=Strength.NOTHING)
    if strongest < Strength.FULL_NAME:
        return None
    best = [one for one in similar if one.evidence.strength == strongest]
    if len({one.person_key for one in best}) > 1:
        return None
    return best[0].user


def create_questions(user: ScimUser, similar: Iterable[SimilarResource]) -> None:
    """Ask an administrator about each inactive person whom the new resource may be."""
    asked = set()
    for earlier_user, evidence in similar:
        earlier = earlier_user.person
        if earlier is None or earlier.pk in asked or evidence.strength == Strength.NOTHING:
            continue
        if earlier.pk == user.person_id or earlier.state != Person.State.INACTIVE:
            continue
        asked.add(earlier.pk)
        SamePersonQuestion.objects.create(
            tenant_id=user.tenant_id,
            connection=user.connection,
            user=user,
            earlier_user=earlier_user,
            earlier=earlier,
            agrees=list(evidence.agrees),
            differs=list(evidence.differs),
            asked_at=timezone.now(),
        )
