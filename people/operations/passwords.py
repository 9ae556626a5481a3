"""A forgotten password is replaced by whoever reads the confirmed address, once, in an hour."""

from django.db import transaction
from django.utils import timezone

from people import events
from people.mail.reset_links import as_they_are, is_current
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.invites.outbox import enqueue_mail
from people.operations.locks import lock
from people.values import Actor, PeopleError


class ResetOutOfDate(PeopleError):
    code = "reset-out-of-date"

    def __init__(self) -> None:
        super().__init__(
            "This link is no longer valid: it was used, it is more than an hour old, or your "
            "account has changed since it was sent. Request a new one."
        )


@transaction.atomic
def mail_reset(person: Person, *, actor: Actor | None = None) -> Mail:
    """Mail the person, at their confirmed address, a link to choose a new password.

    Without an actor whoever knows the address asked, which is nothing for the history.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    if actor:
        ranks.check_rank_over(actor, person)
        what = f"sent {person.full_name} a link to choose a new password"
        events.record(Event.Kind.PASSWORD_CHANGED, person, actor=actor, what=what)
    return enqueue_mail(
        Mail.Kind.RESET_PASSWORD, person, to=person.email, as_of=as_they_are(person)
    )


@transaction.atomic
def reset_password(mail: Mail, password: str) -> Person:
    """Give the person the password they chose; every session and every other link is dead then.

    :raises ResetOutOfDate: if the link does not count any more; two cannot both use it.
    """
    person = mail.person
    lock(person)
    if not is_current(mail, timezone.now()):
        raise ResetOutOfDate
    person.set_password(password)
    person.save(update_fields=["password"])
    events.record(
        Event.Kind.PASSWORD_CHANGED, person, actor=person.actor, what="chose a new password"
    )
    return person


@transaction.atomic
def change_password(person: Person, password: str, *, actor: Actor) -> None:
    """Give the person another password; every session that the caller does not renew is dead.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    person.set_password(password)
    person.save(update_fields=["password"])
    is_own = actor == person.actor
    what = "changed their password" if is_own else f"changed the password of {person.full_name}"
    events.record(Event.Kind.PASSWORD_CHANGED, person, actor=actor, what=what)
