"""Ends the sessions and API tokens of a person."""

from django.db import transaction

from people import events
from people.models import Event, Person
from people.operations import ranks
from people.operations.locks import lock
from people.values import Actor


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
