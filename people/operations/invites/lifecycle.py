"""Creates, releases, resends and revokes invites."""

from datetime import timedelta
from typing import Literal

from django.db import transaction
from django.utils import timezone

from people import events
from people.db import prepared_statements
from people.models import Event, Invite, Mail, Person
from people.operations import ranks
from people.operations.locks import lock
from people.operations.mail_outbox import enqueue_mail
from people.operations.person_fields import saving
from people.values import INVITED, Actor, Invitation, PeopleError

SCIM_INVITE_DAYS = 90
# Closes the open invite. With `accepted_at IS NULL AND …`, PostgreSQL's planner would choose the
# partial index of all open invites instead of the index on the person.
CLOSE = """
    UPDATE people_invite SET {column} = %s
     WHERE person_id = %s AND num_nonnulls(accepted_at, revoked_at) = 0 RETURNING id
"""


class NotInvitable(PeopleError):
    code = "not-invitable"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} cannot be invited: they are {person.get_state_display().lower()}."
        )


class InviteHeld(PeopleError):
    code = "invite-held"

    def __init__(self, invite: Invite) -> None:
        super().__init__(
            f"The invite is on hold and has not been sent: {invite.hold_reason} "
            "Choose “Invite anyway” to send it."
        )


def create_invite(
    person: Person, *, actor: Actor, invitation: Invitation = INVITED, source: str = ""
) -> Invite:
    """Invite a person without an open invite. The caller has locked or just added them.

    The invite expires after 90 days if an identity provider caused it, otherwise after the
    tenant's `manual_invite_days`. An invite on hold is not mailed until `release_invite`.

    :param source: who caused the invite; blank if it is the actor.
    """
    source = source or (Invite.Source.SCIM if actor.via == "scim" else Invite.Source.HAND)
    now = timezone.now()
    invite: Invite = Invite.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        source=source,
        hold_reason=invitation.hold_reason,
        created_at=now,
        expires_at=now + _life(person, source),
    )
    held = invite.hold_reason
    events.record(Event.Kind.INVITE_ISSUED, person, actor=actor, invite=str(invite.pk), held=held)
    if invitation.is_mailed and not held:
        _mail(invite)
    return invite


@saving(savepoint=False)
def issue_invite(person: Person, *, actor: Actor, invitation: Invitation = INVITED) -> Invite:
    """Return the person's open invite, or create one.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    open_invite = Invite.objects.open().filter(person=person).first()
    return open_invite or create_invite(person, actor=actor, invitation=invitation)


@transaction.atomic(savepoint=False)
def release_invite(person: Person, *, actor: Actor, is_mailed: bool = True) -> bool:
    """Take an invite off hold and mail it; return False if none is on hold.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    ranks.check_rank_over(actor, person)
    on_hold = Invite.objects.open().filter(person=person).exclude(hold_reason="")
    invite = on_hold.select_for_update().first()
    if invite is None:
        return False
    invite.hold_reason = ""
    invite.save(update_fields=["hold_reason"])
    events.record(Event.Kind.INVITE_RELEASED, person, actor=actor)
    if is_mailed:
        _mail(invite)
    return True


@transaction.atomic
def resend_invite(person: Person, *, actor: Actor) -> Invite:
    """Mail the person's invite again, with the same link and the full time until it expires.

    If the invite was revoked, the person gets a new one.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises NotInvitable: if the person is not in the state “invited”.
    :raises InviteHeld: if the invite is on hold.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if person.state != Person.State.INVITED:
        raise NotInvitable(person)
    invite = Invite.objects.open().filter(person=person).first()
    if invite is None:
        return issue_invite(person, actor=actor)
    if invite.hold_reason:
        raise InviteHeld(invite)
    invite.expires_at = timezone.now() + _life(person, invite.source)
    invite.save(update_fields=["expires_at"])
    events.record(Event.Kind.INVITE_RESENT, person, actor=actor, invite=str(invite.pk))
    _mail(invite)
    return invite


@saving(savepoint=False)
def revoke_invite(person: Person, *, actor: Actor) -> bool:
    """Revoke the person's open invite; return False if there is none.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    ranks.check_rank_over(actor, person)
    if not _close(person, "revoked_at"):
        return False
    events.record(Event.Kind.INVITE_REVOKED, person, actor=actor)
    return True


@transaction.atomic
def record_link_shown(person: Person, *, actor: Actor) -> None:
    """Record that the actor saw the invite link, with which anyone can join as the person.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    ranks.check_rank_over(actor, person)
    events.record(Event.Kind.INVITE_LINK_SHOWN, person, actor=actor)


def reissue_invite_to_new_address(person: Person, *, actor: Actor) -> None:
    """Revoke the invite to the person's old address, and create one for the new address."""
    older = Invite.objects.open().filter(person=person).first()
    if older is None:
        return
    # The new invite is mailed only if the old one was: some connections send no invites.
    invitation = Invitation(hold_reason=older.hold_reason, is_mailed=older.mails.exists())
    # A new row, because the link contains its id: the link that was mailed to the old address must
    # not work any more.
    revoke_invite(person, actor=actor)
    create_invite(person, actor=actor, invitation=invitation, source=older.source)


@transaction.atomic(savepoint=False)
def accept_invites(person: Person, *, actor: Actor) -> bool:
    """Mark the person's open invite as accepted; return False if there is none."""
    if not _close(person, "accepted_at"):
        return False
    events.record(Event.Kind.INVITE_ACCEPTED, person, actor=actor)
    return True


def _close(person: Person, column: Literal["accepted_at", "revoked_at"]) -> bool:
    """Set the time in the column of the person's open invite; return False if there is none."""
    now = timezone.now()
    if prepared_statements.available():
        return (
            prepared_statements.first_row(CLOSE.format(column=column), [now, person.pk]) is not None
        )
    return bool(Invite.objects.open().filter(person=person).update(**{column: now}))


def _life(person: Person, source: str) -> timedelta:
    by_scim = source == Invite.Source.SCIM
    return timedelta(days=SCIM_INVITE_DAYS if by_scim else person.tenant.manual_invite_days)


def _mail(invite: Invite) -> None:
    enqueue_mail(Mail.Kind.INVITE, invite.person, to=invite.person.email, invite=invite)
