"""Releases managed fields, and records a person's userName."""

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from people import events
from people.models import Event, Person
from people.values import Actor


def release_fields(people: Iterable[UUID]) -> int:
    """End the management of all fields of these people. The values stay.

    :returns: the number of people who had managed fields.
    """
    owned = Person.objects.filter(pk__in=people).exclude(managed_fields={})
    released: int = owned.update(
        managed_fields={},
        manually_overridden_fields={},
        manually_overridden_at=None,
        # The API no longer shows the externalId of these people.
        changed_at=timezone.now(),
    )
    return released


def record_user_name(person: Person, *, actor: Actor, user_name: str) -> None:
    """Record the userName under which an identity provider knows the person.

    The caller has locked the person.
    """
    events.record(Event.Kind.PERSON_LINKED, person, actor=actor, user_name=user_name)
