"""Invites: issued with the person, held while something is missing, void when they go."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from people import events
from people.fixed_sql import Write
from people.models import Event, Invite, Person
from people.values import Actor

SCIM_INVITE_DAYS = 90


def invite_newcomer(person: Person, *, actor: Actor, held_because: str = "") -> None:
    """Invite somebody who has just been added, and so has no invite yet."""
    invite = Invite(person=person, **_terms(person, actor, held_because))
    _record_issue(invite, actor=actor, storing=Write(invite))


@transaction.atomic(savepoint=False)
def issue_invite(person: Person, *, actor: Actor, held_because: str = "") -> Invite:
    """Invite the person, unless an invite is open already; that one is returned then.

    It lives 90 days when an identity provider asked for it, else as long as the tenant
    says. A held invite is not mailed until `release_invite`.
    """
    invite, is_new = Invite.objects.open().get_or_create(
        person=person, defaults=_terms(person, actor, held_because)
    )
    if is_new:
        _record_issue(invite, actor=actor)
    return invite


@transaction.atomic(savepoint=False)
def release_invite(person: Person, *, actor: Actor) -> bool:
    """Let a held invite go out, and tell whether there was one."""
    released = Invite.objects.open().filter(person=person).exclude(held_because="")
    if not released.update(held_because=""):
        return False
    events.record(Event.Kind.INVITE_RELEASED, person, actor=actor)
    return True


@transaction.atomic(savepoint=False)
def accept_invites(person: Person, *, actor: Actor) -> bool:
    """Consume the person's open invite, and tell whether there was one."""
    if not Invite.objects.open().filter(person=person).update(accepted_at=timezone.now()):
        return False
    events.record(Event.Kind.INVITE_ACCEPTED, person, actor=actor)
    return True


@transaction.atomic(savepoint=False)
def void_invites(person: Person, *, actor: Actor) -> bool:
    """Make the person's open invite worthless, and tell whether there was one."""
    if not Invite.objects.open().filter(person=person).update(voided_at=timezone.now()):
        return False
    events.record(Event.Kind.INVITE_VOIDED, person, actor=actor)
    return True


def _terms(person: Person, actor: Actor, held_because: str) -> dict[str, Any]:
    by_scim = actor.via == "scim"
    days = SCIM_INVITE_DAYS if by_scim else person.tenant.manual_invite_days
    now = timezone.now()
    return {
        "tenant_id": person.tenant_id,
        "source": Invite.Source.SCIM if by_scim else Invite.Source.HAND,
        "held_because": held_because,
        "created_at": now,
        "expires_at": now + timedelta(days=days),
    }


def _record_issue(invite: Invite, *, actor: Actor, storing: Write | None = None) -> None:
    facts: dict[str, Any] = {"invite": str(invite.pk), "held": invite.held_because}
    events.record(Event.Kind.INVITE_ISSUED, invite.person, actor=actor, storing=storing, **facts)
