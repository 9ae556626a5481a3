"""Rehires: whether a created user is a resource the provider deleted earlier, or a new person."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from people.models import Person
from people.values import normalize_key
from scim.models import Connection, SamePersonQuestion, ScimUser
from scim.sync.match_evidence import Evidence, Strength, Traits, compare


class Alike(NamedTuple):
    """A deleted resource with an identifier that the new one has, too."""

    user: ScimUser
    evidence: Evidence

    @property
    def whose(self) -> object:
        """Return a key that identifies the person of the resource."""
        return self.user.person_id or f"resource {self.user.pk}"


def find_alike(connection: Connection, now: Traits) -> list[Alike]:
    """Return the deleted resources with an identifier in common, held until the end.

    Left out are those whose person was terminated, or belongs to a resource again.
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
    alike = []
    for user in rows:
        user.connection = connection
        alike.append(Alike(user, compare(Traits.of(user), now)))
    return alike


def choose(alike: Sequence[Alike]) -> ScimUser | None:
    """Return the resource that comes back, if the evidence says so of one person alone.

    The strongest evidence counts. Where it is as strong for two people, it identifies nobody.
    """
    strongest = max((one.evidence.strength for one in alike), default=Strength.NOTHING)
    if strongest < Strength.FULL_NAME:
        return None
    best = [one for one in alike if one.evidence.strength == strongest]
    if len({one.whose for one in best}) > 1:
        return None
    return best[0].user


def ask(user: ScimUser, alike: Iterable[Alike]) -> None:
    """List the people that the new resource may be, for an administrator to decide.

    Only people who left are asked about, each once.
    """
    asked = set()
    for earlier_user, evidence in alike:
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
