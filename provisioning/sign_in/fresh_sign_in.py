"""People who have to sign in again at their provider before anything else lets them in.

A provider reports by a signal that an account is disabled or compromised. Until the person has
entered their credentials there again, no password, passkey or other provider signs them in. A
provider that is not offered any more could not be used, so then it is not required.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction

from people.models import Person
from people.operations import connection_events, ranks
from people.operations.locks import lock
from people.values import Actor
from provisioning.models import FreshSignIn, IdentityProvider

# How far a provider's clock may be behind.
LEEWAY: Final = timedelta(seconds=60)


def require(person: Person, provider: IdentityProvider, *, since: datetime, because: str) -> None:
    """Require that the person signs in at the provider after this time."""
    defaults = {
        "tenant_id": person.tenant_id,
        "provider": provider,
        "since": since,
        "because": because,
    }
    known = FreshSignIn.objects.filter(person=person, since__gt=since)
    if not known.exists():
        FreshSignIn.objects.update_or_create(person=person, defaults=defaults)


@transaction.atomic
def lift(required: FreshSignIn, *, actor: Actor) -> None:
    """Let the person sign in by any way again.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    person, provider = required.person, required.provider
    lock(person)
    ranks.check_rank_over(actor, person)
    required.delete()
    connection_events.record_connection_event(
        f"no longer requires a fresh sign-in of {person.full_name} through {provider.name}",
        actor=actor,
        provider=provider.name,
    )


def required_of(person: Person) -> FreshSignIn | None:
    """Return what the person has to do before they may sign in; None if nothing."""
    required = FreshSignIn.objects.select_related("provider__tenant").filter(person=person)
    return required.filter(provider__is_enabled=True, provider__removed_at=None).first()


def is_met(
    required: FreshSignIn,
    *,
    provider_id: str,
    authenticated_at: float | None,
    was_asked_for_credentials: bool,
) -> bool:
    """Tell whether a sign-in is the one that is required.

    :param authenticated_at: when the provider last asked for credentials. Not every provider says
        it; then it counts that Ramp requested it.
    """
    if provider_id != str(required.provider_id):
        return False
    if authenticated_at is None:
        return was_asked_for_credentials
    return datetime.fromtimestamp(authenticated_at, UTC) >= required.since - LEEWAY
