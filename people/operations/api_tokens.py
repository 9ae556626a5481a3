"""Making and ending the tokens by which programs use the API."""

import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import ApiToken, Event, Person
from people.operations.locks import lock
from people.values import Actor


@transaction.atomic
def make_api_token(person: Person, name: str, *, actor: Actor) -> str:
    """Return a new token of 256 random bits, for the only time."""
    # The epoch is read under the lock, so that a deactivation beside it ends this one too.
    lock(person)
    token = secrets.token_urlsafe(32)
    made = ApiToken.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        name=name,
        digest=api_digest(token),
        hint=token[-4:],
        session_epoch=person.session_epoch,
    )
    _record(made, f"made the API token “{made}”", actor=actor)
    return token


@transaction.atomic
def revoke_api_token(token: ApiToken, *, actor: Actor) -> bool:
    """Refuse the token from the next request on, and tell whether that is news."""
    stored = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if stored.revoked_at:
        return False
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    _record(token, f"revoked the API token “{token}”", actor=actor)
    return True


def api_digest(token: str) -> str:
    # The token is random and long, so there is nothing that a slow hash would protect.
    return hashlib.sha256(token.encode()).hexdigest()


def _record(token: ApiToken, what: str, *, actor: Actor) -> None:
    events.record(Event.Kind.API_TOKEN_CHANGED, token.person, actor=actor, what=what)
