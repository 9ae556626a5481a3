"""Moves everybody from one sign-in provider to another, with a preview.

A person is matched by a sign-in at the new provider that was refused because it had the person's
address. Without such a sign-in, they are matched by their subject if both providers have the same
issuer or directory.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac

from people import hooks
from people.models import Person
from people.operations import ranks
from people.operations.roles import group_mappings
from people.values import Actor, PeopleError
from provisioning import locks
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.providers import manage
from provisioning.providers.issuers import is_confirmed
from provisioning.sign_in import confirmed_links


class TransferChanged(PeopleError):
    code = "transfer-changed"

    def __init__(self) -> None:
        super().__init__(
            "The people to move have changed since you opened this page, so nobody was moved. "
            "Review the list again."
        )


class NothingToTransfer(PeopleError):
    code = "nothing-to-transfer"

    def __init__(self) -> None:
        super().__init__("Nobody can be moved yet. The list shows the reasons.")


class Match(NamedTuple):
    """An identity at the old provider, and its subject at the new one; blank if it stays."""

    identity: Identity
    subject: str
    # How they were matched, or why they stay.
    because: str

    @property
    def person(self) -> Person:
        return self.identity.person


@dataclass(frozen=True)
class Transfer:
    """What moving everybody would change now."""

    moving: list[Match]
    staying: list[Match]

    @property
    def digest(self) -> str:
        """Return a digest that changes if other people or other subjects would move."""
        lines = "\n".join(f"{one.identity.pk} {one.subject}" for one in self.moving)
        return salted_hmac(
            "provisioning.sign_in.provider_transfers", lines, algorithm="sha256"
        ).hexdigest()


class _NewProviderState(NamedTuple):
    """The identities and refused sign-ins at the new provider."""

    is_confirmed: bool
    by_subject: dict[str, UUID]
    people: set[UUID]
    # By person: the refused subjects that claimed the person's address.
    tried: dict[UUID, set[str]]
    provisioned: set[UUID]


def sources_for(provider: IdentityProvider) -> list[IdentityProvider]:
    """Return the other providers that people are linked to, including removed ones."""
    current = Identity.objects.filter(provider=OuterRef("pk"), retired_at=None)
    others = IdentityProvider.objects.filter(Exists(current)).exclude(pk=provider.pk)
    return list(others.order_by("name_key", "created_at"))


def preview(old: IdentityProvider, new: IdentityProvider, *, viewer: Person) -> Transfer:
    """Return who would move, and who stays and why."""
    identities = Identity.objects.filter(provider=old, retired_at=None).select_related("person")
    by_name = ("person__family_name", "person__given_name", "pk")
    state = _load_state(new)
    transfer = Transfer([], [])
    for identity in identities.order_by(*by_name):
        match = _match(identity, old, new, state, viewer)
        (transfer.moving if match.subject else transfer.staying).append(match)
    return transfer


def _load_state(new: IdentityProvider) -> _NewProviderState:
    current = Identity.objects.filter(provider=new, retired_at=None, authority=new.authority)
    by_subject = dict(current.values_list("subject", "person_id"))
    tried: dict[UUID, set[str]] = {}
    attempts = SignInAttempt.objects.filter(
        provider=new,
        authority=new.authority,
        reason__in=confirmed_links.CONFIRMABLE,
        person__isnull=False,
        # Anyone can claim an address that the provider has not verified.
        is_email_unverified=False,
    ).exclude(subject="")
    for person_id, subject in attempts.values_list("person_id", "subject").distinct():
        if subject not in by_subject:
            tried.setdefault(person_id, set()).add(subject)
    provisioned = set(hooks.pairing().provisioned(besides=new.paired_connection))
    return _NewProviderState(
        is_confirmed(new), by_subject, set(by_subject.values()), tried, provisioned
    )


def _match(
    identity: Identity,
    old: IdentityProvider,
    new: IdentityProvider,
    state: _NewProviderState,
    viewer: Person,
) -> Match:
    person = identity.person
    if reason := _reason_to_stay(person, new, state, viewer):
        return Match(identity, "", reason)
    tried = state.tried.get(person.pk, set())
    if len(tried) == 1:
        [subject] = tried
        return Match(identity, subject, "A sign-in with their email address was refused")
    if tried:
        return Match(identity, "", "Several accounts tried to sign in with their email address.")
    is_same_directory = old.kind == new.kind and identity.authority == new.authority
    if not is_same_directory or not new.authority:
        return Match(
            identity,
            "",
            f"They have not tried to sign in through {new} yet, or {new} has not verified their "
            "email address.",
        )
    if identity.subject in state.by_subject:
        return Match(identity, "", "Another person signs in with this subject.")
    return Match(identity, identity.subject, f"The same subject at {new.authority}")


def _reason_to_stay(
    person: Person, new: IdentityProvider, state: _NewProviderState, viewer: Person
) -> str:
    if not state.is_confirmed:
        return f"The new address of {new} is not confirmed yet."
    if not person.is_active:
        return f"They are {person.get_state_display().lower()}."
    if person.pk in state.people:
        return f"They already sign in through {new}."
    if person.pk in state.provisioned:
        return f"They come from SCIM, and {new} is not paired with that connection."
    return ranks.refusal_over(viewer, person)


@transaction.atomic
def move_everybody(
    old: IdentityProvider, new: IdentityProvider, *, seen: str, viewer: Person, actor: Actor
) -> int:
    """Link all people in the preview to the new provider, and return how many.

    Their identities at the old provider are retired. The roles that its groups granted become
    manual grants.

    :raises TransferChanged: if `seen` is not the digest of the present preview.
    :raises NothingToTransfer: if nobody would move.
    """
    # In the same order always: two opposite moves cannot deadlock.
    for provider in sorted((old, new), key=lambda one: one.pk):
        locks.lock_provider_exclusive(provider)
    transfer = preview(old, new, viewer=viewer)
    if transfer.digest != seen:
        raise TransferChanged
    if not transfer.moving:
        raise NothingToTransfer
    for match in transfer.moving:
        confirmed_links.link(new, match.subject, match.person, actor=actor)
        confirmed_links.retire(match.identity)
    group_mappings.detach_mapped_roles(
        origin=old.mapping_origin,
        because=f"before the move to {new}",
        actor=actor,
        people=[match.person.pk for match in transfer.moving],
    )
    facts: dict[str, Any] = {"to": new.name, "people": len(transfer.moving)}
    manage.record_provider_event("moved people from", old, actor=actor, move=facts)
    return len(transfer.moving)
