"""Resets and changes passwords. A reset link is mailed to the confirmed address."""

from django.db import transaction
from django.utils import timezone

from people import events
from people.client_address import current_client_address
from people.mail.reset_links import credentials_digest, is_current
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.locks import lock
from people.operations.mail_outbox import enqueue_mail, notify_of_security
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
    """Mail a link to choose a new password to the person's confirmed address.

    Anybody who knows the address may request it. Only a request by a known actor is recorded.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    if actor:
        ranks.check_rank_over(actor, person)
        what = f"sent {person.full_name} a link to choose a new password"
        events.record(Event.Kind.PASSWORD_CHANGED, person, actor=actor, what=what)
    # The link ends when one of these credentials changes, see people.mail.reset_links.
    return enqueue_mail(
        Mail.Kind.RESET_PASSWORD,
        person,
        to=person.email,
        as_of=credentials_digest(person),
        actor=str(actor or ""),
        ip=current_client_address(),
    )


@transaction.atomic
def reset_password(mail: Mail, password: str) -> Person:
    """Set the new password. This ends all sessions and invalidates all reset links.

    :raises ResetOutOfDate: if the link is no longer valid. It works only once.
    """
    person = mail.person
    lock(person)
    if not is_current(mail, timezone.now()):
        raise ResetOutOfDate
    person.set_password(password)
    person.save(update_fields=["password"])
    _record(person, "chose a new password", actor=person.actor)
    _notify(person, actor=person.actor)
    return person


@transaction.atomic
def change_password(person: Person, password: str, *, actor: Actor) -> None:
    """Set another password. This ends all sessions; the caller may renew the current one.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    person.set_password(password)
    person.save(update_fields=["password"])
    is_own = actor == person.actor
    what = "changed their password" if is_own else f"changed the password of {person.full_name}"
    _record(person, what, actor=actor)
    _notify(person, actor=actor)


def _record(person: Person, what: str, *, actor: Actor) -> None:
    # Signal streams read the last two facts.
    events.record(
        Event.Kind.PASSWORD_CHANGED,
        person,
        actor=actor,
        what=what,
        credential={"type": "password", "change": "update"},
        ended_sessions=True,
    )


def _notify(person: Person, *, actor: Actor) -> None:
    notify_of_security(
        person,
        actor=actor,
        title="Your password was changed",
        deed="changed your password",
        effect="All other sessions were ended.",
    )
