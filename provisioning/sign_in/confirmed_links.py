"""Links a refused sign-in to a person, confirmed by an administrator."""

from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.utils import timezone

from people import hooks
from people.models import Person
from people.operations import identities, ranks, sessions
from people.operations.locks import lock
from people.values import Actor, PeopleError
from provisioning import locks
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.providers.issuers import is_confirmed
from provisioning.sign_in.decide import Refusal

# After these refusals, the provider has authenticated the subject, and the person is known.
CONFIRMABLE: Final = (Refusal.EMAIL_TAKEN, Refusal.LINKED_OTHERWISE)


class AttemptNotLinkable(PeopleError):
    code = "attempt-not-linkable"

    def __init__(self) -> None:
        super().__init__(
            "This attempt can no longer be linked. The provider was removed, its address has "
            "changed, or the person has left. Have them sign in again."
        )


class SubjectTaken(PeopleError):
    code = "subject-taken"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"This sign-in is already linked to {person.full_name}. Nothing was changed."
        )


class NotPairedForLink(PeopleError):
    code = "not-paired-for-link"

    def __init__(self, person: Person, provider: IdentityProvider) -> None:
        super().__init__(
            f"{person.full_name} comes from SCIM, and {provider} is not paired with that "
            "connection. Pair the provider, then link them."
        )


def linkable(attempt: SignInAttempt) -> bool:
    """Tell whether an administrator may link the subject of this attempt to its person."""
    provider, person = attempt.provider, attempt.person
    if provider is None or person is None or not attempt.subject:
        return False
    is_refused = attempt.reason in CONFIRMABLE and person.is_active
    is_same_provider = provider.removed_at is None and attempt.authority == provider.authority
    return is_refused and is_same_provider and is_confirmed(provider)


def linkable_among(attempts: Iterable[SignInAttempt]) -> list[SignInAttempt]:
    """Return the linkable attempts, without those whose subject is already linked."""
    found = [attempt for attempt in attempts if linkable(attempt)]
    current = Identity.objects.filter(subject__in={one.subject for one in found}, retired_at=None)
    linked = set(current.values_list("provider", "subject"))
    return [one for one in found if (one.provider_id, one.subject) not in linked]


@transaction.atomic
def confirm_attempt(attempt: SignInAttempt, *, actor: Actor) -> Identity:
    """Link the subject of a refused sign-in to the person whose address it claimed.

    :raises AttemptNotLinkable: if the provider or the person has changed since.
    :raises SubjectTaken, NotPairedForLink: as `link`.
    """
    if not linkable(attempt):
        raise AttemptNotLinkable
    assert attempt.provider
    assert attempt.person
    return link(attempt.provider, attempt.subject, attempt.person, actor=actor)


@transaction.atomic
def link(provider: IdentityProvider, subject: str, person: Person, *, actor: Actor) -> Identity:
    """Link the subject to the person, and retire their earlier identity at this provider.

    The person is notified by mail at their present address.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises AttemptNotLinkable: if the person is not active, or the provider's new address is not
        confirmed.
    :raises SubjectTaken: if the subject is linked to another person.
    :raises NotPairedForLink: if SCIM manages the person and the provider is not paired.
    """
    # In the order of a sign-in, so that the two cannot deadlock.
    locks.lock_provider_shared(provider)
    locks.lock_subject(provider, subject)
    lock(person)
    ranks.check_rank_over(actor, person)
    if not person.is_active or not is_confirmed(provider):
        raise AttemptNotLinkable
    if hooks.pairing().is_provisioned(person, besides=provider.paired_connection):
        raise NotPairedForLink(person, provider)
    current = Identity.objects.filter(provider=provider, retired_at=None)
    holder = current.filter(subject=subject, authority=provider.authority).first()
    if holder is not None:
        if holder.person_id != person.pk:
            raise SubjectTaken(holder.person)
        return holder
    now = timezone.now()
    replaced = current.filter(person=person).first()
    if replaced is not None:
        retire(replaced)
    identity = Identity.objects.create(
        tenant_id=provider.tenant_id,
        provider=provider,
        subject=subject,
        authority=provider.authority,
        person=person,
        how=Identity.How.CONFIRMED,
        first_seen_at=now,
        last_seen_at=now,
    )
    identities.record_sign_in_linked(
        person,
        subject=subject,
        provider=str(provider),
        is_replaced=replaced is not None,
        actor=actor,
    )
    return identity


def retire(identity: Identity) -> None:
    """Retire the identity, and end the sessions of its person."""
    identity.retired_at = timezone.now()
    identity.save(update_fields=["retired_at"])
    sessions.end_sessions(identity.person)
