"""Adds, uses and removes the passkeys of a person.

A passkey stands beside an authenticator app, whose recovery codes help if it is lost. The app that
signs people in checks the signatures.
"""

from collections.abc import Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import Event, Passkey, Person
from people.operations import ranks
from people.operations.locks import lock
from people.operations.mail_outbox import notify_of_security
from people.operations.second_factors import second_factor_of
from people.values import Actor, PeopleError

MOST: Final = 20


class AuthenticatorAppFirst(PeopleError):
    code = "authenticator-app-first"

    def __init__(self) -> None:
        super().__init__(
            "Set up an authenticator app first. Its recovery codes sign you in if you lose your "
            "passkeys."
        )


class TooManyPasskeys(PeopleError):
    code = "too-many-passkeys"

    def __init__(self) -> None:
        super().__init__(f"You have {MOST} passkeys. Remove one, then add another.")


class PasskeyKnown(PeopleError):
    code = "passkey-known"

    def __init__(self) -> None:
        super().__init__("This device or password manager already has a passkey of yours.")


def passkeys_of(person: Person) -> Sequence[Passkey]:
    return list(Passkey.objects.filter(person=person).order_by("created_at", "pk"))


@transaction.atomic
def add_passkey(
    person: Person,
    name: str,
    *,
    credential_id: str,
    credential: bytes,
    sign_count: int,
    actor: Actor,
) -> None:
    """Store a passkey whose registration was verified.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises AuthenticatorAppFirst: if the person has no authenticator app.
    :raises TooManyPasskeys: if the person cannot have another one.
    :raises PasskeyKnown: if the person has it already.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if second_factor_of(person) is None:
        raise AuthenticatorAppFirst
    present = passkeys_of(person)
    if credential_id in {passkey.credential_id for passkey in present}:
        raise PasskeyKnown
    if len(present) >= MOST:
        raise TooManyPasskeys
    Passkey.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        name=name,
        credential_id=credential_id,
        credential=credential,
        sign_count=sign_count,
        created_at=timezone.now(),
    )
    deed = f"added the passkey “{name}”"
    _record(person, deed, change="create", actor=actor)
    notify_of_security(person, actor=actor, title="A passkey was added", deed=deed)


def use_passkey(passkey: Passkey, sign_count: int) -> bool:
    """Note the use of a passkey; return False if its count shows that it was copied.

    :param sign_count: the authenticator's count (W3C Web Authentication section 6.1.1), 0 if it
        does not count.
    """
    own = Passkey.objects.filter(pk=passkey.pk)
    if sign_count or passkey.sign_count:
        own = own.filter(sign_count__lt=sign_count)
    return own.update(sign_count=sign_count, last_used_at=timezone.now()) == 1


@transaction.atomic
def remove_passkey(passkey: Passkey, *, actor: Actor) -> bool:
    """Remove a passkey, and tell whether it was there.

    :raises PersonAboveRank: if its person is above the actor's rank.
    """
    person = passkey.person
    lock(person)
    ranks.check_rank_over(actor, person)
    removed, _ = Passkey.objects.filter(pk=passkey.pk).delete()
    if removed:
        deed = f"removed the passkey “{passkey.name}”"
        _record(person, deed, change="delete", actor=actor)
        notify_of_security(person, actor=actor, title="A passkey was removed", deed=deed)
    return bool(removed)


def _record(person: Person, what: str, *, change: str, actor: Actor) -> None:
    # Signal streams read the last fact.
    credential = {"type": "passkey", "change": change}
    events.record(
        Event.Kind.SECOND_FACTOR_CHANGED, person, actor=actor, what=what, credential=credential
    )
