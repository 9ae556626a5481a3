"""Accepts invites. An invite can be accepted once, until it expires or is revoked."""

from django.db import transaction
from django.utils import timezone

from people.models import Invite, Person
from people.operations.locks import lock
from people.operations.people import activate_person
from people.presentation.times import day_text
from people.values import Actor, PeopleError


class InviteUsed(PeopleError):
    code = "invite-used"

    def __init__(self) -> None:
        super().__init__("This invite was already accepted. Sign in instead.")


class InviteRevoked(PeopleError):
    code = "invite-revoked"

    def __init__(self) -> None:
        super().__init__(
            "This invite was revoked. If you have a newer one, use that. Otherwise, ask your "
            "administrator."
        )


class InviteExpired(PeopleError):
    code = "invite-expired"

    def __init__(self, invite: Invite) -> None:
        super().__init__(
            f"This invite expired on {day_text(invite.expires_at)}. "
            "Ask your administrator to resend it. The link stays the same."
        )


def check_invite(invite: Invite) -> None:
    """Check that the invite can be accepted now.

    :raises InviteUsed, InviteRevoked, InviteExpired: if it cannot.
    """
    if invite.accepted_at:
        raise InviteUsed
    if invite.revoked_at or invite.person.state != Person.State.INVITED:
        raise InviteRevoked
    if invite.expires_at <= timezone.now():
        raise InviteExpired(invite)


def lock_invite(invite: Invite) -> None:
    """Lock the person and the invite until the transaction ends, and check the invite.

    :raises InviteUsed, InviteRevoked, InviteExpired: if it can no longer be accepted.
    """
    person = invite.person
    # In the order in which a deactivation locks: the person, then the invite.
    lock(person)
    invite.refresh_from_db(from_queryset=Invite.objects.select_for_update())
    # refresh_from_db() has dropped the related person, which is locked and current.
    invite.person = person
    check_invite(invite)


@transaction.atomic
def accept_invite(invite: Invite, *, actor: Actor, password: str | None = None) -> Person:
    """Activate the invited person with the password they chose. This works only once.

    :raises InviteUsed, InviteRevoked, InviteExpired: if the invite can no longer be accepted.
    """
    lock_invite(invite)
    person = invite.person
    person.set_password(password)
    person.save(update_fields=["password"])
    activate_person(person, actor=actor)
    return person
