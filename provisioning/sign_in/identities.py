"""The identities of a person."""

from django.utils import timezone

from people.models import Person
from provisioning.models import Identity


def retire_all(person: Person) -> None:
    """Retire all identities of the person; the rows stay for the history."""
    current = Identity.objects.filter(person=person, retired_at=None)
    current.update(retired_at=timezone.now())


def has_signed_in(person: Person) -> bool:
    """Tell whether the person has an identity that is not retired, so has signed in by it."""
    return Identity.objects.filter(person=person, retired_at=None).exists()
