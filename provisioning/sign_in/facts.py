"""Collects what the database says about the claims of a sign-in, for the decision."""

from people import hooks
from people.models import Invite, Person
from people.operations.invites import acceptance
from provisioning.claims import Claims, readable
from provisioning.models import Identity, IdentityProvider
from provisioning.providers import restrictions
from provisioning.sign_in import identity_lookup
from provisioning.sign_in.decide import How, LinkCandidate, SignInFacts


def collect_facts(
    provider: IdentityProvider, claims: Claims, *, visitor: Person | None, invite: Invite | None
) -> SignInFacts:
    """Return the facts for `decide`. The invite, if there is one, is locked.

    :param visitor: the signed-in person who links a provider.
    :param invite: the invite that the visitor has opened.
    """
    identity = identity_lookup.identity_of(provider, claims)
    shared = identity_lookup.shared_identity(provider, claims)
    paired, is_paired_known = _paired(provider, claims)
    same_email = Person.objects.having_address(claims.email).first()
    return SignInFacts(
        identity=identity.person if identity else None,
        is_identity_disowned=identity is not None and _is_disowned(identity, paired),
        same_directory=_candidate(provider, shared.person, How.SHARED) if shared else None,
        paired=paired,
        is_paired_known=is_paired_known,
        candidate_of_visitor=_candidate_of_visitor(provider, visitor, invite),
        same_email=same_email,
        may_create=provider.provisions_people,
        may_create_unverified=provider.adds_unverified,
        unmet_restriction=next(restrictions.unmet_restrictions(provider, claims), ""),
        is_unrestricted=restrictions.lacks_restriction(provider),
    )


def _is_disowned(identity: Identity, paired: LinkCandidate | None) -> bool:
    """Tell whether a SCIM connection manages the person, and nothing confirms this identity.

    The connection may have found the person by their address, which proves nothing about a subject.
    """
    is_vouched_for = identity.provider.is_paired and (
        identity.how == How.PAIRED or (paired is not None and paired.person == identity.person)
    )
    # An administrator vouches for people of the connection that the provider is paired with.
    besides = identity.provider.paired_connection if identity.how == How.CONFIRMED else ""
    return not is_vouched_for and hooks.pairing().is_provisioned(identity.person, besides=besides)


def _paired(provider: IdentityProvider, claims: Claims) -> tuple[LinkCandidate | None, bool]:
    """Return the person of the paired connection, and whether it has such a user at all."""
    value = (
        readable(claims.text_claims.get(provider.paired_claim, "")) if provider.is_paired else ""
    )
    if not value:
        return None, False
    pairing = hooks.pairing()
    by = (provider.paired_connection, provider.paired_attribute, value)
    person = pairing.paired_person(*by)
    if person is None:
        return None, pairing.is_known(*by)
    return _candidate(provider, person, How.PAIRED), True


def _candidate_of_visitor(
    provider: IdentityProvider, visitor: Person | None, invite: Invite | None
) -> LinkCandidate | None:
    if visitor:
        return _candidate(provider, visitor, How.LINKED)
    if invite:
        acceptance.lock_invite(invite)
        return _candidate(provider, invite.person, How.INVITED)
    return None


def _candidate(provider: IdentityProvider, person: Person, how: How) -> LinkCandidate:
    return LinkCandidate(
        person=person,
        how=how,
        is_linked_otherwise=Identity.objects.filter(
            provider=provider, person=person, retired_at=None
        ).exists(),
        is_provisioned=hooks.pairing().is_provisioned(person),
    )
