"""Identities that no longer sign anybody in."""

from django.utils import timezone

from people.models import Person
from provisioning.models import Identity


def retire_all(person: Person) -> None:
    """Have no linked identity sign the person in any more; the rows stay for the history."""
    current = Identity.objects.filter(person=person, retired_at=None)
    current.update(retired_at=timezone.now())
