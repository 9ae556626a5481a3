"""Releases managed fields, records a person's userName, and ends their sessions."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from people import events
from people.models import Event, Person
from people.operations import ranks
from people.operations.locks import lock
from people.values import Actor


def release_fields(people: Iterable[UUID]) -> int:
    """End the management of all fields of these people. The values stay.

    :returns: the number of people who had managed fields.
    """
    owned = Person.objects.filter(pk__in=people).exclude(managed_fields={})
    released: int = owned.update(
        managed_fields={}, manually_overridden_fields={}, manually_overridden_at=None
    )
    return released


def record_user_name(person: Person, *, actor: Actor, user_name: str) -> None:
    """Record the userName under which an identity provider knows the person.

    The caller has locked the person.
    """
    events.record(Event.Kind.PERSON_LINKED, person, actor=actor, user_name=user_name)


@transaction.atomic
def sign_out(person: Person, *, actor: Actor, reason: str) -> None:
    """End all sessions and API tokens of the person, and record why. The person stays active.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    end_sessions(person)
    events.record(Event.Kind.SESSIONS_ENDED, person, actor=actor, reason=reason)


def end_sessions(person: Person) -> None:
    """End all sessions and API tokens of the person. The caller has locked them."""
    person.session_epoch += 1
    person.save(update_fields=["session_epoch"])
