"""The identities of a person."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from people.models import Person
from provisioning.models import Identity, IdentityProvider


def retire_all(person: Person) -> None:
    """Retire all identities of the person; the rows stay for the history."""
    current = Identity.objects.filter(person=person, retired_at=None)
    current.update(retired_at=timezone.now())


def has_signed_in(person: Person) -> bool:
    """Tell whether the person has an identity that is not retired, so has signed in by it."""
    return Identity.objects.filter(person=person, retired_at=None).exists()


def provider_subjects(people: Collection[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return the issuer and subject of each person's newest identity at an OpenID provider.

    The identities of a person who left are retired, and count if there is no other.
    """
    found = Identity.objects.filter(
        person__in=people, provider__kind=IdentityProvider.Kind.OIDC
    ).exclude(authority="")
    # The last one of each person wins.
    newest_last = found.order_by(F("retired_at").asc(nulls_last=True), "first_seen_at", "pk")
    rows = newest_last.values_list("person", "authority", "subject")
    return {person: (issuer, subject) for person, issuer, subject in rows}
