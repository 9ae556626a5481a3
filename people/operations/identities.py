"""What the history and the person are told when an administrator says who somebody is."""

from people import events
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.invites.outbox import enqueue_mail
from people.values import Actor


def note_sign_in_linked(
    person: Person, *, subject: str, provider: str, is_replaced: bool, actor: Actor
) -> None:
    """Record that an administrator linked a sign-in, and tell the person's address.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    ranks.check_rank_over(actor, person)
    what = f"linked {person.full_name} to {subject} at {provider}"
    events.record(Event.Kind.IDENTITY_LINKED, person, actor=actor, what=what)
    enqueue_mail(
        Mail.Kind.SIGN_IN_LINKED,
        person,
        to=person.email,
        by="An administrator" if actor.via == "person" else "Ramp",
        subject=subject,
        provider=provider,
        replaced=is_replaced,
    )


def note_taken_for_same(new: Person, earlier: Person, *, actor: Actor) -> None:
    """Record on both timelines that the new person is the earlier one, who left."""
    for person, other in ((new, earlier), (earlier, new)):
        events.record(Event.Kind.TAKEN_FOR_SAME, person, actor=actor, other=other.full_name)
