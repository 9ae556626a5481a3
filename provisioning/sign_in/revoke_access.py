"""Ends everything that lets a person in, when a provider asks for it."""

from django.db import transaction

from people.models import Person
from people.operations import sessions
from people.operations.invites import lifecycle
from provisioning.models import IdentityProvider


@transaction.atomic
def revoke_access(provider: IdentityProvider, person: Person, *, reason: str) -> None:
    """End all sessions, API tokens, password links and the open invite. The person stays active."""
    sessions.sign_out(person, actor=provider.actor, reason=reason)
    lifecycle.revoke_invite(person, actor=provider.actor)
