"""Records that an administrator linked a sign-in, or decided whether two people are the same."""

from people import events
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.mail_outbox import enqueue_mail
from people.values import Actor


def record_sign_in_linked(
    person: Person, *, subject: str, provider: str, is_replaced: bool, actor: Actor
) -> None:
    """Record that an administrator linked a sign-in, and notify the person by mail.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    ranks.check_rank_over(actor, person)
    what = f"linked {person.full_name} to {subject} at {provider}"
    events.record(Event.Kind.IDENTITY_LINKED, person, actor=actor, what=what)
    enqueue_mail(
        Mail.Kind.SIGN_IN_LINKED,
        person,
        to=person.email,
        actor=str(actor),
        subject=subject,
        provider=provider,
        replaced=is_replaced,
    )


def record_same_person(new: Person, earlier: Person, *, actor: Actor) -> None:
    """Record on both timelines that the new person is the same as the earlier leaver."""
    for person, other in ((new, earlier), (earlier, new)):
        events.record(Event.Kind.IDENTIFIED_AS_SAME, person, actor=actor, other=other.full_name)


def record_different_people(new: Person, earlier: Person, *, actor: Actor) -> None:
    """Record on both timelines that the new person is not the earlier leaver."""
    for person, other in ((new, earlier), (earlier, new)):
        events.record(
            Event.Kind.IDENTIFIED_AS_DIFFERENT, person, actor=actor, other=other.full_name
        )
