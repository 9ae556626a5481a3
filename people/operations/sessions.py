"""Lists and ends the sessions of a person, and ends their API tokens."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from people import events, tenancy
from people.models import ApiToken, Event, Person, PersonSession
from people.operations import ranks
from people.operations.locks import lock
from people.values import Actor

# How many expired sessions one transaction deletes.
BATCH: Final = 1000


@transaction.atomic
def sign_out(person: Person, *, actor: Actor, reason: str) -> None:
    """End all sessions and API tokens of the person, and record why. The person stays active.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    end_sessions(person)
    events.record(Event.Kind.SESSIONS_ENDED, person, actor=actor, reason=reason)


@transaction.atomic
def sign_out_everywhere(person: Person, *, actor: Actor) -> None:
    """End all sessions of the person. API tokens stay, and the caller may renew one session.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    end_browser_sessions(person)
    events.record(Event.Kind.SESSIONS_ENDED, person, actor=actor)


@transaction.atomic
def end_session(session: PersonSession, *, device: str, actor: Actor) -> None:
    """End one session of a person.

    :param device: how the history names the session.
    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    person = session.person
    lock(person)
    ranks.check_rank_over(actor, person)
    Session.objects.filter(session_key=session.session_key).delete()
    session.delete()
    events.record(Event.Kind.SESSION_ENDED, person, actor=actor, what=device)


def end_sessions(person: Person) -> None:
    """End all sessions and API tokens of the person. The caller has locked them."""
    person.session_epoch += 1
    person.save(update_fields=["session_epoch"])


def end_browser_sessions(person: Person) -> None:
    """End all sessions of the person, and no API tokens. The caller has locked them."""
    valid_tokens = ApiToken.objects.filter(person=person, session_epoch=person.session_epoch)
    token_ids = list(valid_tokens.values_list("pk", flat=True))
    end_sessions(person)
    ApiToken.objects.filter(pk__in=token_ids).update(session_epoch=person.session_epoch)


def note_session(
    person: Person, key: str, *, user_agent: str, ip: str | None, time_zone: str
) -> None:
    """Note that the person uses the session with this key now."""
    now = timezone.now()
    used = {
        "user_agent": user_agent[:300],
        "ip": ip,
        "time_zone": time_zone,
        "last_used_at": now,
    }
    began = {"tenant_id": person.tenant_id, "person": person, "began_at": now}
    _, is_new = PersonSession.objects.update_or_create(
        session_key=key, defaults=used, create_defaults=used | began
    )
    if is_new:
        expired_before = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
        PersonSession.objects.filter(person=person, last_used_at__lt=expired_before).delete()


def rename_session(old_key: str, new_key: str) -> None:
    """Keep the line of a session whose key has changed."""
    PersonSession.objects.filter(session_key=old_key).update(session_key=new_key)


def delete_expired_sessions(*, as_of: datetime, seconds: float = 60) -> int:
    """Delete expired sessions until none is left or the time is over; return their number."""
    deadline = monotonic() + seconds
    deleted = 0
    while monotonic() < deadline:
        expired = Session.objects.filter(expire_date__lt=as_of).order_by("expire_date")
        keys = list(expired.values_list("session_key", flat=True)[:BATCH])
        if not keys:
            break
        with transaction.atomic(), tenancy.across_tenants():
            PersonSession.objects.filter(session_key__in=keys).delete()
            # A session that was used meanwhile has a later date.
            deleted += Session.objects.filter(pk__in=keys, expire_date__lt=as_of).delete()[0]
    return deleted


def live_sessions(person: Person) -> list[PersonSession]:
    """Return the sessions with which the person is signed in now, the last used first."""
    noted = PersonSession.objects.filter(person=person).order_by("-last_used_at", "-pk")
    rows = {session.session_key: session for session in noted}
    live = Session.objects.filter(session_key__in=rows, expire_date__gt=timezone.now())
    hashes = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    keys = {
        session.session_key
        for session in live
        # A new password or a new epoch has ended a session whose row still exists.
        for stored in [str(session.get_decoded().get(HASH_SESSION_KEY, ""))]
        if any(constant_time_compare(stored, one) for one in hashes)
    }
    return [session for key, session in rows.items() if key in keys]
