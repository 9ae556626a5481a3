"""Creates, records the use of, and revokes API tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from people import events
from people.models import ApiToken, Event, Person, Scope
from people.operations import ranks
from people.operations.locks import lock
from people.tokens import new_token, token_digest
from people.values import Actor, PeopleError

DEFAULT_TOKEN_DAYS: Final = 90
MAX_TOKEN_DAYS: Final = 365
# A busy program would otherwise write to the token's row with every request.
USE_WRITTEN_EVERY: Final = timedelta(minutes=1)


class InvalidTokenSettings(PeopleError):
    code = "api-token-settings"

    def __init__(self) -> None:
        super().__init__(
            f"An API token needs at least one scope and an expiry of 1 to {MAX_TOKEN_DAYS} days."
        )


@transaction.atomic
def create_api_token(
    person: Person,
    name: str,
    *,
    scopes: Sequence[str],
    days: int = DEFAULT_TOKEN_DAYS,
    actor: Actor,
) -> str:
    """Create a token and return it. Only its digest is stored, so it cannot be shown again.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises InvalidTokenSettings: if a scope is missing or unknown, or the expiry is out of range.
    """
    if not scopes or not set(scopes) <= set(Scope.values) or not 1 <= days <= MAX_TOKEN_DAYS:
        raise InvalidTokenSettings
    # Read the session epoch under the lock, so that a concurrent deactivation ends this token too.
    lock(person)
    ranks.check_rank_over(actor, person)
    token = new_token("api")
    made = ApiToken.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        name=name,
        scopes=[scope for scope in Scope.values if scope in scopes],
        digest=token_digest(token),
        hint=token[-4:],
        session_epoch=person.session_epoch,
        expires_at=timezone.now() + timedelta(days=days),
    )
    allowed = ", ".join(made.scopes)
    _record(made, f"created the API token “{made}” for {days} days ({allowed})", actor=actor)
    return token


def record_api_token_use(token: ApiToken, now: datetime) -> None:
    """Store when the token was used, at most once a minute."""
    # The query checks again, so that of several concurrent requests only one writes the row.
    earlier = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_WRITTEN_EVERY)
    if token.last_used_at is None or token.last_used_at < now - USE_WRITTEN_EVERY:
        ApiToken.objects.filter(earlier, pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke_api_token(token: ApiToken, *, actor: Actor) -> bool:
    """Revoke the token; return False if it was revoked already.

    Rank does not matter: every administrator may revoke a leaked token.
    """
    stored = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if stored.revoked_at:
        return False
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    _record(token, f"revoked the API token “{token}”", actor=actor)
    return True


def _record(token: ApiToken, what: str, *, actor: Actor) -> None:
    events.record(Event.Kind.API_TOKEN_CHANGED, token.person, actor=actor, what=what)
