"""Release managed fields, record new names of a person, and end their sessions."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from people import events
from people.models import Event, Person
from people.operations import ranks
from people.operations.locks import lock
from people.values import Actor


def release_fields(people: Iterable[UUID]) -> int:
    """Let nobody own fields of these people any more; what the fields say stays.

    :returns: of how many somebody did.
    """
    owned = Person.objects.filter(pk__in=people).exclude(managed_fields={})
    released: int = owned.update(
        managed_fields={}, manually_overridden_fields={}, manually_overridden_at=None
    )
    return released


def note_names(person: Person, *, actor: Actor, user_name: str) -> None:
    """Record that an identity provider knows the person, who is held, by new names."""
    events.record(Event.Kind.PERSON_LINKED, person, actor=actor, user_name=user_name)


@transaction.atomic
def sign_out(person: Person, *, actor: Actor, reason: str) -> None:
    """End every session and API token of the person, and note why. The person stays active.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    end_sessions(person)
    events.record(Event.Kind.SESSIONS_ENDED, person, actor=actor, reason=reason)


def end_sessions(person: Person) -> None:
    """End every session and API token of the person, who is held."""
    person.session_epoch += 1
    person.save(update_fields=["session_epoch"])
