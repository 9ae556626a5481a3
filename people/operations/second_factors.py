"""Sets up, uses and removes the second factor of a person.

The app that signs people in encrypts the secret and checks the codes of the authenticator app.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import Event, Passkey, Person, SecondFactor
from people.operations import ranks
from people.operations.locks import lock
from people.operations.mail_outbox import notify_of_security
from people.operations.sessions import end_browser_sessions
from people.values import Actor, PeopleError


class SecondFactorNeeded(PeopleError):
    code = "second-factor-needed"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.tenant.name} requires a second factor from you, so you can replace it but "
            "not remove it."
        )


def second_factor_of(person: Person) -> SecondFactor | None:
    found: SecondFactor | None = SecondFactor.objects.filter(person=person).first()
    return found


@transaction.atomic
def set_up_second_factor(
    person: Person,
    *,
    secret: str,
    step: int,
    recovery_digests: Sequence[str],
    may_replace: bool,
    actor: Actor,
) -> bool:
    """Store the encrypted secret of the person's authenticator app.

    Return False if the person has one and it may not be replaced.

    :param step: the time step of the code that the person entered to confirm it.
    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if not may_replace and second_factor_of(person):
        return False
    values: dict[str, Any] = {
        "tenant_id": person.tenant_id,
        "secret": secret,
        "last_step": step,
        "recovery_digests": list(recovery_digests),
        "created_at": timezone.now(),
    }
    _, is_first = SecondFactor.objects.update_or_create(person=person, defaults=values)
    did = "set up" if is_first else "replaced"
    _record(
        person,
        f"{did} their second factor",
        actor=actor,
        credential={"type": "app", "change": "create" if is_first else "update"},
    )
    notify_of_security(
        person,
        actor=actor,
        title=f"Your second factor was {did}",
        deed=f"{did} your second factor",
    )
    return True


@transaction.atomic
def replace_recovery_codes(person: Person, digests: Sequence[str], *, actor: Actor) -> bool:
    """Replace all recovery codes, and tell whether the person has a second factor.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    own = SecondFactor.objects.filter(person=person)
    if not own.update(recovery_digests=list(digests)):
        return False
    _record(person, "created new recovery codes", actor=actor)
    return True


def use_time_step(person: Person, step: int) -> bool:
    """Mark the code of this time step as used, and tell whether nobody had used it."""
    # One statement, so that only one of two simultaneous sign-ins with the same code succeeds.
    unused = SecondFactor.objects.filter(person=person, last_step__lt=step)
    return unused.update(last_step=step) == 1


@transaction.atomic
def use_recovery_code(person: Person, digest: str) -> bool:
    """Use up the recovery code with this digest, and tell whether the person had it."""
    lock(person)
    own = second_factor_of(person)
    if own is None or digest not in own.recovery_digests:
        return False
    own.recovery_digests.remove(digest)
    own.save(update_fields=["recovery_digests"])
    left = len(own.recovery_digests)
    what = f"signed in with a recovery code; {left} {'is' if left == 1 else 'are'} left"
    _record(person, what, actor=person.actor)
    return True


@transaction.atomic
def remove_second_factor(person: Person, *, actor: Actor) -> bool:
    """Remove the person's authenticator app and passkeys, and tell whether there was an app.

    If another actor removes it, this ends the person's sessions, because the device may have been
    stolen.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises SecondFactorNeeded: if the person is the actor and the company requires it.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    is_own = actor == person.actor
    if is_own and person.needs_second_factor:
        raise SecondFactorNeeded(person)
    removed, _ = SecondFactor.objects.filter(person=person).delete()
    Passkey.objects.filter(person=person).delete()
    if not removed:
        return False
    if not is_own:
        end_browser_sessions(person)
    what = "removed their" if is_own else f"reset {person.full_name}’s"
    _record(
        person,
        f"{what} second factor",
        actor=actor,
        credential={"type": "app", "change": "delete" if is_own else "revoke"},
        ended_sessions=not is_own,
    )
    notify_of_security(
        person,
        actor=actor,
        title=f"Your second factor was {'removed' if is_own else 'reset'}",
        deed=f"{'removed' if is_own else 'reset'} your second factor",
        effect="Your password alone now signs you in."
        if is_own
        else "You were signed out everywhere, and your recovery codes no longer work. Set up a new "
        "second factor on your account page.",
    )
    return True


def _record(person: Person, what: str, *, actor: Actor, **facts: Any) -> None:
    """Record what was done. Signal streams read the facts `credential` and `ended_sessions`."""
    events.record(Event.Kind.SECOND_FACTOR_CHANGED, person, actor=actor, what=what, **facts)
